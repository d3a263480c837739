// Point 5: who may answer, one request hop by hop, and a steady load.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, apply, clean, counts, deployment, holds, patience, picture, rollout, service, speed, tab, walk } from "./lib.mjs";

const number = (page, id) => page.getByTestId(id).textContent().then(Number);

test("a request is followed hop by hop, a load shows who answers and who does not", () => walk({}, async (page) => {
  await apply(page, deployment({ replicas: 6, ready: 0 }));
  await answer(page, "created");
  await apply(page, service);
  await answer(page, "service/hello-svc created");
  await tab(page, "Workloads");
  await speed(page, 5_000);
  await counts(page, "hello-deploy", "6/6 available");
  await speed(page, 1_000);

  await tab(page, "Services");
  await page.getByRole("group", { name: "Which Service" }).getByRole("button", { name: /^hello-svc/ }).click();
  const shown = page.getByTestId("service-hello-svc");
  for (const text of ["app=hello-world", "hello-svc.default.svc.cluster.local", "30001", "NodePort"]) {
    await shown.locator(".facts").getByText(text).first().waitFor();
  }
  assert.equal(await shown.getByTestId("endpoints").locator("tbody tr").count(), 6);
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=endpoints] .state.ready").length === 6, null, { timeout: patience });
  // The rules of the nodes follow the slices a little later.
  await page.waitForTimeout(2_000);

  await page.getByTestId("from").selectOption("node worker-2");
  await page.getByTestId("send-request").click();
  await holds(page, "[data-testid=answer]", "version 1.0, served from hello-deploy");
  await holds(page, "[data-testid=hops]", "kube-proxy's rule");
  await page.getByTestId("hops").getByText("It chose among 6").click();
  assert.match(await page.locator(".alternatives").textContent(), /16\.6%/);
  await picture(page, "request");
  await clean(page, "a request from outside");

  const callers = await page.getByTestId("from").locator("option").evaluateAll((all) => all.map((option) => option.value));
  await page.getByTestId("from").selectOption(callers.find((value) => value.startsWith("pod default/hello-5")) ?? callers.at(-1));
  const hosts = page.getByTestId("to").locator("option");
  for (let index = 0; index < (await hosts.count()); index += 1) {
    await page.getByTestId("to").selectOption(String(index));
    const host = (await hosts.nth(index).textContent()).split(" ")[0];
    await page.getByTestId("send-request").click();
    await holds(page, "[data-testid=request] h3", `http://${host}:8080/`);
    await holds(page, "[data-testid=request]", "answered, HTTP 200");
    const dns = await page.getByTestId("hops").getByText(/^DNS/).count();
    assert.equal(dns > 0, !/^\d/.test(host), `a name is asked for, an address is not: ${host}`);
  }
  await clean(page, "a request from a Pod");

  await page.getByTestId("from").selectOption("node worker-1");
  await page.getByTestId("pace").fill("50");
  await page.getByTestId("load-start").click();
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=load-answered]")?.textContent) > 60, null, { timeout: patience });
  await picture(page, "load");
  await clean(page, "a load");
  assert.equal(await number(page, "load-failed"), 0);

  await page.getByRole("button", { name: "Switch off worker-2" }).click();
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=load-failed]")?.textContent) > 3, null, { timeout: patience });
  await holds(page, ".failures", "timed out");
  await holds(page, "[data-testid=node-worker-2]", "The cluster has not noticed yet");
  await picture(page, "node-off");
  await clean(page, "a node that is off");
  await page.getByRole("button", { name: "Switch on worker-2" }).click();
  await page.getByRole("button", { name: /^Stop load/ }).click();
  await page.getByTestId("load").waitFor({ state: "detached" });
}));

test("a Pod whose readiness fails gets no more requests", () => walk({}, async (page) => {
  await tab(page, "Services");
  const rows = page.getByTestId("endpoints").locator("tbody tr");
  await rows.nth(2).waitFor();
  const name = (await rows.first().locator("button").textContent()).trim();
  await rows.first().locator("button").click();
  await page.getByRole("button", { name: "Break readiness" }).click();
  await answer(page, "fails");
  await page.getByRole("button", { name: "Heal readiness" }).waitFor();
  await tab(page, "Services");
  const row = rows.filter({ hasText: name });
  await row.getByText("not ready").waitFor();
  const before = await row.locator(".hits").textContent();
  await page.getByTestId("pace").fill("100");
  await page.getByTestId("load-start").click();
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=load-answered]")?.textContent) > 100, null, { timeout: patience });
  assert.equal(await row.locator(".hits").textContent(), before);
  const shares = await page.locator(".shares").textContent();
  assert.ok(!shares.includes(name), shares);
}));

test("without motion nothing moves and everything is told", () => walk({ calm: true }, async (page) => {
  await tab(page, "Services");
  await page.getByTestId("load-start").click();
  await page.waitForFunction(() => Number(document.querySelector("[data-testid=load-answered]")?.textContent) > 5, null, { timeout: patience });
  const drawn = await page.locator("canvas.flow").evaluate((canvas) => {
    const pen = canvas.getContext("2d");
    return pen.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
  });
  assert.equal(drawn, false);
}));

test("on a phone: apply, look, ask", () => walk({ width: 390, height: 844 }, async (page) => {
  await apply(page, deployment({ replicas: 3, ready: 0 }));
  await answer(page, "deployment.apps/hello-deploy created");
  await apply(page, service);
  await tab(page, "Workloads");
  await speed(page, 5_000);
  await counts(page, "hello-deploy", "3/3 available");
  await rollout(page, "hello-deploy").getByTestId("image").fill("nigelpoulton/k8sbook:2.0");
  await rollout(page, "hello-deploy").getByTestId("image-set").click();
  await counts(page, "hello-deploy", "3/3 available, 3 updated");
  await picture(page, "phone-rollout");
  await clean(page, "phone: a rollout");
  await tab(page, "Services");
  await page.getByRole("group", { name: "Which Service" }).getByRole("button", { name: /^hello-svc/ }).click();
  await page.getByTestId("send-request").click();
  await holds(page, "[data-testid=answer]", "version 2.0");
  await clean(page, "phone: a request");
  await page.getByTestId("to-stage").click();
  await page.getByTestId("node-worker-1").waitFor();
  await page.getByTestId("pod").first().click();
  await page.getByTestId("detail").waitFor();
  await picture(page, "phone-pod");
  await clean(page, "phone: a Pod");
}));
