// Every object there is: found by its kind, read as YAML, deleted; and an old manifest said anew.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, apply, clean, holds, patience, picture, tab, walk } from "./lib.mjs";

const secret = `apiVersion: v1
kind: Secret
metadata:
  name: door-key
type: Opaque
stringData:
  word: open
`;
const job = (version) => `apiVersion: ${version}
kind: CronJob
metadata:
  name: tidy-up
spec:
  schedule: "*/5 * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: OnFailure
          containers:
          - name: main
            image: busybox
`;

const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: kettles.tea.example.com
spec:
  group: tea.example.com
  names: {kind: Kettle, plural: kettles, singular: kettle, shortNames: [ket]}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns:
    - {name: Litres, type: integer, jsonPath: .spec.litres}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [litres]
            properties:
              litres: {type: integer, minimum: 1}
              lid: {type: boolean, default: true}
`;
const kettle = (litres) => `apiVersion: tea.example.com/v1
kind: Kettle
metadata:
  name: blue
spec:
  litres: ${litres}
`;

const heads = (page) => page.getByTestId("objects-table").locator("thead th").allTextContents();
const row = (page, name) => page.getByTestId("objects-table").getByRole("row", { name: new RegExp(name) });

for (const [name, options] of [["light", {}], ["phone-dark", { width: 390, height: 844, dark: true }]]) {
  test(`a Secret is found, read and deleted: ${name}`, () => walk(options, async (page) => {
    await apply(page, secret);
    await answer(page, "secret/door-key created");
    await tab(page, "Objects");
    await page.getByTestId("objects-kind").selectOption("Secret");
    await row(page, "door-key").waitFor();
    assert.deepEqual(await heads(page), ["Namespace", "Name", "Type", "Data", "Age"]);
    const cells = await row(page, "door-key").getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(0, 3), ["default", "Opaque", "1"]);
    await picture(page, `objects-${name}`);
    await clean(page, `${name}: the list`);
    await page.getByRole("button", { name: "door-key" }).click();
    await holds(page, "[data-testid=object-yaml]", "word: b3Blbg==");
    const yaml = await page.getByTestId("object-yaml").textContent();
    assert.ok(yaml.startsWith("apiVersion: v1\ndata:\n") && !yaml.includes("managedFields"), yaml);
    await picture(page, `object-${name}`);
    await clean(page, `${name}: an object`);
    await page.getByTestId("object-delete").click();
    const asks = page.getByRole("dialog", { name: "Delete Secret door-key?" });
    await asks.waitFor();
    await clean(page, `${name}: the question`);
    await asks.getByRole("button", { name: "Keep it" }).click();
    await asks.waitFor({ state: "detached" });
    await page.getByTestId("object-delete").click();
    await page.getByTestId("object-delete-do").click();
    await answer(page, "secret \"door-key\" deleted");
    await page.getByTestId("objects").waitFor();
    await row(page, "door-key").waitFor({ state: "detached" });
  }));
}

test("the list is narrowed, widened and kept up to date", () => walk({}, async (page) => {
  await page.keyboard.press("4");
  await page.getByRole("heading", { name: "Objects" }).waitFor();
  await row(page, "etcd").waitFor();
  await page.getByTestId("objects-namespace").selectOption("default");
  await row(page, "etcd").waitFor({ state: "detached" });
  assert.deepEqual(await heads(page), ["Name", "Ready", "Status", "Restarts", "Age"]);
  await page.getByTestId("objects-wide").check();
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=objects-table] thead th").length === 9, null, { timeout: patience });
  await picture(page, "objects-wide");
  await clean(page, "all columns");
  await page.getByTestId("objects-name").fill("nothing-of-this-name");
  await holds(page, "[data-testid=objects-none]", "No resources found");
  await page.getByTestId("objects-name").fill("");
  const first = page.getByTestId("objects-table").locator("tbody button").first();
  const name = (await first.textContent()).trim();
  await first.focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("object").waitFor();
  await page.waitForFunction(() => document.activeElement?.dataset.testid === "object-back", null, { timeout: patience });
  await page.keyboard.press("Escape");
  await page.getByTestId("objects").waitFor();
  await row(page, name).getByRole("button").click();
  await page.getByTestId("object-delete").click();
  await page.getByTestId("object-delete-do").click();
  await row(page, name).waitFor({ state: "detached" });
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=objects-table] tbody tr").length === 3, null, { timeout: patience });
}));

test("a manifest in a version that is gone is said in the one that is served", () => walk({}, async (page) => {
  await apply(page, job("batch/v1beta1"));
  await answer(page, "no matches for kind \"CronJob\" in version \"batch/v1beta1\"");
  await page.getByTestId("use-served").getByText("Use batch/v1").waitFor();
  await picture(page, "old-version");
  await clean(page, "an old version");
  await page.getByTestId("use-served").click();
  await holds(page, "[data-testid=editor]", "apiVersion: batch/v1kind: CronJob");
  await page.getByTestId("apply").click();
  await answer(page, "cronjob.batch/tidy-up created");
  await tab(page, "Objects");
  await page.getByTestId("objects-kind").selectOption("CronJob");
  await row(page, "tidy-up").waitFor();
  assert.deepEqual(await heads(page), ["Namespace", "Name", "Schedule", "Timezone", "Suspend", "Active", "Last Schedule", "Age"]);
}));

for (const [name, options] of [["light", {}], ["phone-dark", { width: 390, height: 844, dark: true }]]) {
  test(`a kind that a definition brings is like all others: ${name}`, () => walk(options, async (page) => {
    await apply(page, definition);
    await answer(page, "customresourcedefinition.apiextensions.k8s.io/kettles.tea.example.com created");
    await apply(page, kettle(0));
    await answer(page, "spec.litres: Invalid value: 0: spec.litres in body should be greater than or equal to 1");
    await apply(page, kettle(2));
    await answer(page, "kettle.tea.example.com/blue created");
    await tab(page, "Objects");
    await page.getByTestId("objects-kind").selectOption("Kettle");
    await row(page, "blue").waitFor();
    assert.deepEqual(await heads(page), ["Namespace", "Name", "Litres"]);
    const cells = await row(page, "blue").getByRole("cell").allTextContents();
    assert.deepEqual(cells.slice(0, 2), ["default", "2"]);
    await picture(page, `custom-${name}`);
    await clean(page, `${name}: objects of a defined kind`);
    await page.getByRole("button", { name: "blue" }).click();
    await holds(page, "[data-testid=object-yaml]", "lid: true");
    await picture(page, `custom-object-${name}`);
    await page.getByTestId("object-delete").click();
    await page.getByTestId("object-delete-do").click();
    await answer(page, "kettle.tea.example.com \"blue\" deleted");
  }));
}
