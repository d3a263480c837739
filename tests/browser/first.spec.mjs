// Points 1 and 2: the frame comes first, then a cluster that is alive; and it is clean for everybody.
import assert from "node:assert/strict";
import { copyFileSync } from "node:fs";
import { test } from "node:test";
import { address, clean, counts, holds, patience, picture, tab, walk } from "./lib.mjs";

const TABS = ["Manifest", "Workloads", "Services", "Objects", "Events", "Writes"];

async function everyTab(page, name, tabs = TABS) {
  await clean(page, `${name}: the first screen`);
  for (const word of tabs) {
    await tab(page, word);
    await page.getByRole("heading", { level: 2 }).first().waitFor();
    await clean(page, `${name}: ${word}`);
  }
}

test("the first screen is alive", () => walk({}, async (page) => {
  await picture(page, "first-light");
  if (process.env.UPDATE_EXPECT) {
    const at = (path) => new URL(`../../${path}`, import.meta.url);
    copyFileSync(at("test-results/first-light.png"), at("docs/first-screen.png"));
  }
  const nodes = page.locator("[data-testid^=node-]:is(section)");
  assert.equal(await nodes.count(), 4);
  for (const part of ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"]) {
    await page.getByTestId(`part-${part}`).getByText("running").waitFor();
  }
  await tab(page, "Workloads");
  await counts(page, "hello", "3/3 available");
  await tab(page, "Services");
  await page.getByRole("button", { name: /^kubernetes/ }).waitFor();
  await everyTab(page, "light");
}));

test("the frame is painted and says what it awaits before the WebAssembly is there", () => walk({}, async (page) => {
  let release;
  const held = new Promise((done) => { release = done; });
  await page.route("**/*.wasm", async (route) => { await held; await route.continue(); });
  await page.goto(address, { waitUntil: "commit" });
  await page.getByRole("heading", { name: "Kubarium" }).waitFor();
  await page.getByRole("status").getByText(/loading/).waitFor();
  assert.equal(await page.locator("body[data-ready]").count(), 0);
  release();
  await page.waitForSelector("body[data-ready=true]", { timeout: patience });
}));

for (const [name, options, tabs] of [
  ["dark", { dark: true }, TABS],
  ["phone-light", { width: 390, height: 844 }, TABS],
  ["phone-dark", { width: 390, height: 844, dark: true }, ["Services"]],
  ["tablet-dark", { width: 820, height: 1180, dark: true }, ["Workloads"]],
]) {
  test(`every tab is clean: ${name}`, () => walk(options, async (page) => {
    await picture(page, `first-${name}`);
    await everyTab(page, name, tabs);
  }));
}

test("the theme that was chosen comes back before the first paint", () => walk({}, async (page) => {
  const dark = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await dark();
  await page.getByRole("button", { name: "Theme: system" }).click();
  await page.getByRole("button", { name: "Theme: light" }).click();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  const after = await dark();
  assert.notEqual(after, before);
  await page.goto(address, { waitUntil: "commit" });
  await page.waitForFunction(() => document.querySelector("main"), null, { timeout: patience });
  assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), "dark");
  assert.equal(await dark(), after);
}));

test("everything can be reached by keyboard", () => walk({}, async (page) => {
  await page.keyboard.press("2");
  await page.getByRole("heading", { name: "Workloads" }).waitFor();
  await page.keyboard.press("?");
  const help = page.getByRole("dialog", { name: "Keys" });
  await help.waitFor();
  await clean(page, "the help");
  await page.keyboard.press("Escape");
  await help.waitFor({ state: "detached" });
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Resume", exact: true }).waitFor();
  await page.keyboard.press("Space");
  await page.getByRole("button", { name: "Pause", exact: true }).first().waitFor();
  await page.keyboard.press("/");
  await page.waitForFunction(() => document.activeElement?.dataset.testid === "trace-filter", null, { timeout: patience });
  await page.keyboard.type("hello 2?");
  assert.equal(await page.getByTestId("trace-filter").inputValue(), "hello 2?", "no key is taken while somebody types");
  await page.getByTestId("pod").first().focus();
  await page.keyboard.press("Enter");
  await page.getByTestId("detail").waitFor();
  await page.keyboard.press("Escape");
  await page.getByTestId("detail").waitFor({ state: "detached" });
  await page.getByRole("tab", { name: "Writes" }).focus();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("heading", { name: "Events" }).waitFor();
  await holds(page, "[role=tab][aria-selected=true]", "Events");
}));
