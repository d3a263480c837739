// What is kept, as a person meets it: a killed tab, a second tab, a full store, a damaged save, a
// crashed engine, a link and its reload.
import { test } from "node:test";
import assert from "node:assert/strict";
import { address, open, ready } from "./lib.mjs";

// Lets a test reach the workers that the page starts.
const reach = () => {
  const Real = globalThis.Worker;
  globalThis.workers = [];
  globalThis.Worker = class extends Real {
    constructor(...args) {
      super(...args);
      globalThis.workers.push(this);
    }
  };
};
const tell = (page, message) => page.evaluate((text) => globalThis.workers.at(-1).postMessage(text), JSON.stringify(message));
const scale = (replicas) => ({ Command: { id: 4_000_000_000, command: { Scale: { at: { ns: "default", n: "hello" }, replicas } } } });
const says = (page, text) => page.getByTestId("notice").filter({ hasText: text }).waitFor({ timeout: 40_000 });
const counts = (page, text) => page.waitForFunction((wanted) => document.querySelector("[data-testid=rollout-hello]")?.textContent.includes(wanted), text, { timeout: 60_000 });
const dismiss = (page) => page.getByTestId("notice").getByRole("button", { name: "Close" }).click();
const pods = (page) => page.locator(".nodes").textContent();

async function fresh(page) {
  await page.addInitScript(reach);
  await page.reload();
  await ready(page);
}

// Puts texts into the store while no page holds it.
async function store(page, change) {
  await page.goto("about:blank");
  await page.goto(`${address}start.js`);
  await page.evaluate(async (source) => {
    const database = await new Promise((done, no) => {
      const request = indexedDB.open("kubarium", 1);
      request.onsuccess = () => done(request.result);
      request.onerror = no;
    });
    const transaction = database.transaction("sessions", "readwrite");
    new Function("store", source)(transaction.objectStore("sessions"));
    await new Promise((done, no) => { transaction.oncomplete = done; transaction.onabort = no; });
    database.close();
  }, change);
  await page.goto(address);
  await ready(page);
}

test("what was confirmed survives a killed tab, and a reload after a link", async () => {
  const { browser, context, page } = await open();
  await fresh(page);
  await page.evaluate(() => {
    globalThis.confirmed = new Promise((done) => globalThis.workers.at(-1).addEventListener("message", ({ data }) => data.includes("\"Done\"") && done()));
  });
  await tell(page, scale(4));
  await page.evaluate(() => globalThis.confirmed);
  const session = await context.newCDPSession(page);
  await session.send("Page.crash").catch(() => {});
  const again = await context.newPage();
  await again.addInitScript(reach);
  await again.goto(address);
  await ready(again);
  await counts(again, "4/4");

  await again.getByRole("button", { name: /link/i }).first().click();
  await says(again, "The link is");
  await tell(again, scale(2));
  await counts(again, "2/2");
  await again.reload();
  await ready(again);
  await counts(again, "2/2");
  await browser.close();
});

test("a second tab goes on in memory and overwrites nothing", async () => {
  const { browser, context, page } = await open();
  const second = await context.newPage();
  await second.addInitScript(reach);
  await second.goto(address);
  await ready(second);
  await says(second, "open in another tab");
  await tell(second, scale(5));
  await counts(second, "5/5");
  await page.reload();
  await ready(page);
  const stage = await page.getByTestId("rollout-hello").textContent();
  assert.ok(!stage.includes("5/5"), stage);
  await browser.close();
});

test("a full store is told, and so is the end of it", async () => {
  const { browser, context, page } = await open();
  await fresh(page);
  const session = await context.newCDPSession(page);
  const origin = new URL(address).origin;
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
  await tell(page, scale(3));
  await says(page, "Nothing can be saved");
  await counts(page, "3/3");
  await session.send("Storage.overrideQuotaForOrigin", { origin });
  await tell(page, scale(4));
  await says(page, "Saved again");
  await browser.close();
});

test("a damaged save and one of a newer version are kept aside", async () => {
  const { browser, page } = await open();
  await store(page, "store.clear(); store.put('{\"v\":9}', '2/head')");
  await says(page, "newer version of Kubarium");
  const download = page.waitForEvent("download");
  await page.getByTestId("offer").click();
  assert.ok((await download).suggestedFilename().endsWith(".json"));
  await store(page, "store.put('not JSON', '2/head'); store.delete('2/backup'); store.delete('2/base')");
  await says(page, "cannot be opened");
  await browser.close();
});

test("a crashed engine is started again, and one that crashes at once is not", async () => {
  const { browser, page } = await open();
  await fresh(page);
  await tell(page, scale(4));
  await counts(page, "4/4");
  const before = await pods(page);
  await tell(page, "CrashForTest");
  await says(page, "crashed");
  await page.waitForFunction(() => globalThis.workers.length === 2);
  await counts(page, "4/4");
  assert.equal(await pods(page), before, "the same Pods");
  await dismiss(page);
  await tell(page, "CrashForTest");
  await says(page, "crashed again");
  await page.getByTestId("offer").click();
  await says(page, "kept aside");
  await counts(page, "available");
  await browser.close();
});
