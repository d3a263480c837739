// Points 3, 4, 7, 8 and 9: apply, scale, roll, pause, undo, stall and recover; go back in time;
// reload; share. As a person does it, beside the stage.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync } from "node:fs";
import { answer, apply, clean, counts, deployment, holds, open, patience, picture, ready, rollout, service, speed, tab, walk } from "./lib.mjs";

const name = "hello-deploy";
const card = (page) => rollout(page, name);
const stateIs = (page, word) => holds(page, `[data-testid=rollout-${name}] [data-testid=state]`, word);

async function setImage(page, image) {
  await card(page).getByTestId("image").fill(image);
  await card(page).getByTestId("image-set").click();
  await answer(page, "image updated");
}

async function scale(page, replicas) {
  await card(page).getByTestId("replicas").fill(String(replicas));
  await card(page).getByTestId("replicas-set").click();
  await counts(page, name, `${replicas}/${replicas} available`);
}

// Watches the rollout until it has ended; answers the fewest available and the most Pods seen.
function watchBudget(page) {
  return page.evaluate(() => {
    globalThis.seen = { least: Infinity, most: 0 };
    const look = () => {
      const bar = document.querySelector("[data-testid=rollout-hello-deploy] .budget .bar-count")?.textContent ?? "";
      const [available, current] = bar.split("/").map(Number);
      if (Number.isFinite(current)) {
        globalThis.seen.least = Math.min(globalThis.seen.least, available);
        globalThis.seen.most = Math.max(globalThis.seen.most, current);
      }
      requestAnimationFrame(look);
    };
    look();
  });
}

test("apply, scale, roll over, pause, undo, stall, recover, go back, reload, share", () => walk({}, async (page) => {
  await apply(page, deployment());
  await holds(page, "[data-testid=report]", "deployment.apps/hello-deploy created");
  await apply(page, service);
  await holds(page, "[data-testid=report]", "service/hello-svc created");
  await speed(page, 5_000);
  await tab(page, "Workloads");
  await counts(page, name, "10/10 available, 10 updated");
  await picture(page, "ten-pods");

  await speed(page, 20_000);
  await scale(page, 5);
  await scale(page, 12);
  await scale(page, 10);

  await watchBudget(page);
  await speed(page, 5_000);
  await setImage(page, "nigelpoulton/k8sbook:2.0");
  await counts(page, name, /[2-7] updated/);
  await card(page).getByRole("button", { name: "Pause" }).click();
  await stateIs(page, "Paused");
  await picture(page, "mid-rollout");
  await clean(page, "a rollout half way");
  await card(page).getByRole("button", { name: "Resume" }).click();
  await speed(page, 20_000);
  await counts(page, name, "10/10 available, 10 updated");
  await stateIs(page, "Complete");
  const seen = await page.evaluate(() => globalThis.seen);
  assert.ok(seen.least >= 9 && seen.most <= 11, `never outside its budget: ${JSON.stringify(seen)}`);
  await card(page).getByTestId("revision-1").waitFor();
  await card(page).getByTestId("revision-2").getByText("present").waitFor();

  await setImage(page, "nigelpoulton/k8sbook:no-such-tag");
  await stateIs(page, "Stalled");
  await holds(page, "[data-testid=troubles]", /ImagePullBackOff|ErrImagePull/);
  await speed(page, 100_000);
  await holds(page, "[data-testid=troubles]", "ProgressDeadlineExceeded");
  await picture(page, "stalled");
  await clean(page, "a stalled rollout");
  await speed(page, 20_000);
  await card(page).getByTestId("revision-1").getByRole("button", { name: /^Undo to this/ }).click();
  await answer(page, "rolled back");
  await counts(page, name, "10/10 available, 10 updated");
  await holds(page, `[data-testid=rollout-${name}] .revision.present`, "k8sbook:1.0");

  await backAndForth(page);
  await reloadAndShare(page);
}));

async function backAndForth(page) {
  await page.getByTestId("pause").click();
  const seconds = () => page.getByTestId("rewind").evaluate((input) => Number(input.max));
  const late = await seconds();
  const slider = page.getByRole("slider", { name: "Look at an earlier moment" });
  await slider.evaluate((input) => {
    input.value = "24";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
  await holds(page, "[data-testid=elapsed]", /^0:24$/);
  assert.ok(late > 60);
  await page.getByTestId(`rollout-${name}`).waitFor({ state: "detached" });
  const before = await page.getByTestId("now").textContent();
  // Time stands still between two events; the clock shows whole seconds, so it takes some of them.
  const now = () => page.getByTestId("now").textContent();
  for (let step = 0; step < 200 && (await now()) === before; step += 1) {
    await page.keyboard.press("n");
    await page.waitForTimeout(60);
  }
  assert.notEqual(await now(), before, "events move the clock");
  const after = await now();
  await page.waitForTimeout(1_500);
  assert.equal(await now(), after, "and nothing else does");
  await page.getByTestId("carry-on").click();
  await page.getByTestId("past").waitFor({ state: "detached" });
  await page.getByTestId("pause").click();
  await apply(page, deployment({ replicas: 4, ready: 0 }));
  await tab(page, "Workloads");
  await counts(page, name, "4/4 available");
}

async function reloadAndShare(page) {
  await page.getByTestId("pause").click();
  await page.getByTestId("share").click();
  await answer(page, /\d+ characters/);
  const length = Number((await page.getByTestId("said").textContent()).match(/(\d+) characters/)[1]);
  assert.ok(length < 1_500, `the link has ${length} characters`);
  const fragment = (await page.evaluate(() => location.hash)).slice(1);
  const stage = await page.locator(".workers").textContent();

  const other = await open({ fragment });
  try {
    await tab(other.page, "Workloads");
    await counts(other.page, name, "4/4 available");
    assert.deepEqual(other.complaints, []);
  } finally {
    await other.browser.close();
  }

  await page.evaluate(() => history.replaceState(null, "", location.pathname));
  await page.reload();
  await ready(page);
  assert.equal(await page.locator(".workers").textContent(), stage, "the same Pods after a reload");
  await holds(page, "[data-testid=storage]", "Saved");
}

test("a situation goes into a file and comes back; a new cluster has the size chosen", () => walk({}, async (page) => {
  await apply(page, deployment({ replicas: 2, ready: 0 }));
  await tab(page, "Workloads");
  await counts(page, name, "2/2 available");
  await page.getByTestId("menu").click();
  const offered = page.waitForEvent("download");
  await page.getByTestId("export").click();
  const file = await (await offered).path();
  JSON.parse(readFileSync(file, "utf8"));

  await page.getByTestId("menu").click();
  await page.getByTestId("new-cluster").click();
  await page.getByRole("dialog", { name: "A new cluster" }).waitFor();
  await clean(page, "the dialog");
  await page.getByTestId("new-workers").fill("5");
  await page.getByTestId("new-cpu").fill("2000");
  await page.getByTestId("new-create").click();
  await page.getByTestId("node-worker-5").waitFor();
  await page.getByTestId(`rollout-${name}`).waitFor({ state: "detached" });

  await page.getByTestId("menu").click();
  await page.getByTestId("import").setInputFiles(file);
  await answer(page, "The file is open");
  await counts(page, name, "2/2 available");
  await page.getByTestId("node-worker-5").waitFor({ state: "detached" });
}));

test("mistakes are told with their line, and a damaged link is refused", () => walk({ fragment: "k1.damaged" }, async (page) => {
  await answer(page, "The link is damaged");
  const wrong = async (text, told) => {
    await apply(page, text);
    await holds(page, "[data-testid=report]", told);
  };
  await wrong("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - name: c\n    image: nginx\n    imagee: y\n",
    'line 9: Error from server (BadRequest): error when creating "manifest.yml": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imagee"');
  await wrong("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - name: c\n", "line 7: spec.containers[0].image: Required value");
  await wrong("a: b: c\n", "line 1: error: error parsing manifest.yml");
  assert.equal(await page.locator(".cm-lintRange-error").count(), 1);
  await picture(page, "mistake");
  await clean(page, "a mistake");
}));
