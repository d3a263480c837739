// The corridor as a person walks it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, open, picture, ready, say, speed } from "./lib.mjs";

async function apply(page, example) {
  if (example !== undefined) await page.selectOption("[data-testid=examples]", String(example));
  await page.click("[data-testid=apply]");
}

test("the first screen is alive and nothing complains", async () => {
  const { browser, page, complaints } = await open();
  assert.equal(await page.locator("[data-testid^=node-]").count(), 4);
  await say(page, "hello", "3/3 available");
  await picture(page, "first-light");
  assert.deepEqual(await axe(page), []);
  assert.deepEqual(complaints, []);
  await browser.close();
  for (const [name, options] of [["first-dark", { dark: true }], ["first-phone", { width: 390, height: 844 }]]) {
    const other = await open(options);
    await picture(other.page, name);
    assert.deepEqual(await axe(other.page), [], name);
    const wide = await other.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(wide, false, `${name}: the page is no wider than its window`);
    await other.browser.close();
  }
});

test("apply, scale, roll, undo, ask, rewind, reload, share", async () => {
  const { browser, page, complaints } = await open();
  await apply(page, 0);
  await page.getByText("deployment.apps/web created").waitFor();
  await apply(page, 1);
  await page.getByText("service/web created").waitFor();
  await speed(page, 20_000);
  await say(page, "web", "10/10 available, 10 updated");

  const rollout = page.locator("[data-testid=rollout-web]");
  await rollout.locator("[data-testid=replicas]").fill("12");
  await rollout.locator("[data-testid=replicas-set]").click();
  await say(page, "web", "12/12 available");
  await rollout.locator("[data-testid=image]").fill("nigelpoulton/k8sbook:2.0");
  await rollout.locator("[data-testid=image-set]").click();
  await page.getByText("deployment.apps/web image updated").waitFor();
  await page.waitForFunction(() => /12\/12 available, 12 updated/.test(document.querySelector("[data-testid=rollout-web] [data-testid=counts]").textContent) && document.querySelectorAll("[data-testid=rollout-web] tbody tr").length === 2, null, { timeout: 60_000 });

  const service = page.locator("[data-testid=service-web]");
  await service.getByRole("button", { name: /Request from outside/ }).click();
  await service.locator("[data-testid=hops]").getByText("version 2.0").waitFor();
  await picture(page, "rolled");

  await rollout.getByRole("button", { name: "Undo" }).first().click();
  await page.getByText("deployment.apps/web rolled back").waitFor();
  await say(page, "web", "12/12 available, 12 updated");

  await page.click("[data-testid=pause]");
  await page.click("[data-testid=share]");
  const notice = await page.locator("[data-testid=notice]").textContent();
  const length = Number(notice.match(/(\d+) characters/)[1]);
  assert.ok(length < 1_500, `the link has ${length} characters`);
  const fragment = (await page.evaluate(() => location.hash)).slice(1);
  const now = await page.locator("[data-testid=now]").textContent();
  const stage = await page.locator(".nodes").textContent();

  const other = await open({ fragment });
  await say(other.page, "web", "12/12 available, 12 updated");
  await other.browser.close();

  await page.evaluate(() => history.replaceState(null, "", location.pathname));
  await page.waitForTimeout(300);
  await page.reload();
  await ready(page);
  await page.click("[data-testid=pause]");
  assert.equal(await page.locator(".nodes").textContent(), stage, "the same Pods after a reload");
  assert.ok((await page.locator("[data-testid=now]").textContent()) >= now.slice(0, 16));
  assert.equal(await page.locator("[data-testid=storage]").textContent(), "Saved");
  assert.deepEqual(complaints, []);
  await browser.close();
});

test("mistakes are told with their line, and a damaged link is refused", async () => {
  const { browser, page, complaints } = await open({ fragment: "k1.damaged" });
  await page.getByText("The link is damaged").waitFor();
  const type = async (text) => {
    await page.click("[data-testid=editor] .cm-content");
    await page.keyboard.press("Control+A");
    await page.keyboard.insertText(text);
    await page.keyboard.press("Control+Enter");
  };
  const report = page.locator("[data-testid=report]");
  await type("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - name: c\n    image: nginx\n    imagee: y\n");
  await report.getByText('line 9: Error from server (BadRequest): error when creating "manifest.yml": Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].imagee"').waitFor();
  await type("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - name: c\n");
  await report.getByText("line 7: spec.containers[0].image: Required value").waitFor();
  await type("a: b: c\n");
  await report.getByText("line 1: error: error parsing manifest.yml").waitFor();
  assert.equal(await page.locator(".cm-lintRange-error").count(), 1);
  await picture(page, "mistake");
  assert.deepEqual(complaints, []);
  await browser.close();
});
