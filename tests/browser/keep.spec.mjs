// What is kept, as a person meets it: a killed tab, a second tab, a full store, a damaged save, a
// crashed engine, a link and its reload.
import assert from "node:assert/strict";
import { test } from "node:test";
import { address, counts, holds, open, ready, tab } from "./lib.mjs";

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
const scale = (page, replicas) => tell(page, { Command: { id: 4_000_000_000, command: { Scale: { at: { ns: "default", n: "hello" }, replicas } } } });
const said = (page, text) => holds(page, "[data-testid=said]", text);
const stored = (page, text) => holds(page, "[data-testid=storage]", text);
const pods = (page) => page.locator("[data-testid=pod]").evaluateAll((all) => all.map((pod) => pod.dataset.spot).sort());

async function visit(page, fragment = "") {
  await page.goto(address + fragment);
  await ready(page);
  await tab(page, "Deployments");
}

async function begin() {
  const opened = await open();
  await opened.page.addInitScript(reach);
  await opened.page.reload();
  await ready(opened.page);
  await tab(opened.page, "Deployments");
  await counts(opened.page, "hello", "3/3");
  return opened;
}

async function scaled(page, replicas) {
  await scale(page, replicas);
  await counts(page, "hello", `${replicas}/${replicas} available`);
}

// Changes what is stored while no page holds it: puts these texts under their keys, or takes away
// what is under a key whose text is null. The page's policy runs no text as a script, so a change is
// no function.
async function store(page, changes) {
  await page.goto(`${address}start.js`);
  await page.evaluate(async (entries) => {
    const database = await new Promise((done, no) => {
      const request = indexedDB.open("kubarium", 1);
      request.onsuccess = () => done(request.result);
      request.onerror = no;
    });
    const transaction = database.transaction("sessions", "readwrite");
    const texts = transaction.objectStore("sessions");
    for (const [key, text] of entries) {
      if (text === null) texts.delete(key);
      else texts.put(text, key);
    }
    await new Promise((done, no) => { transaction.oncomplete = done; transaction.onabort = no; });
    database.close();
  }, changes);
  await page.goto(address);
  await ready(page);
}

test("what was confirmed survives a killed tab, and a reload after a link", async () => {
  const { browser, context, page } = await begin();
  await page.evaluate(() => {
    globalThis.confirmed = new Promise((done) => globalThis.workers.at(-1).addEventListener("message", ({ data }) => data.includes("\"Done\"") && done()));
  });
  await scale(page, 4);
  await page.evaluate(() => globalThis.confirmed);
  const session = await context.newCDPSession(page);
  session.send("Page.crash").catch(() => {});
  const again = await context.newPage();
  await again.addInitScript(reach);
  await visit(again);
  await counts(again, "hello", "4/4 available");

  await tell(again, "MakeLink");
  await said(again, "characters");
  const fragment = await again.evaluate(() => location.hash);
  assert.match(fragment, /^#k2\./);
  await scaled(again, 2);
  await again.reload();
  await ready(again);
  await tab(again, "Deployments");
  await counts(again, "hello", "2/2 available");

  // A new cluster in the place of the link's is not lost to the address bar either.
  await tell(again, { New: { workers: 2, cpu_milli: 4_000, memory_mib: 8_192, pods: 110, seed: 5 } });
  await again.waitForFunction(() => document.querySelectorAll("[data-testid=node-status]").length === 3);
  await again.waitForTimeout(1_000);
  await again.reload();
  await ready(again);
  await again.waitForFunction(() => document.querySelectorAll("[data-testid=node-status]").length === 3);
  await browser.close();

  const fresh = await open({ fragment: fragment.slice(1) });
  await tab(fresh.page, "Deployments");
  await counts(fresh.page, "hello", "4/4 available");
  await fresh.browser.close();
});

test("a second tab goes on in memory and overwrites nothing", async () => {
  const { browser, context, page } = await begin();
  const second = await context.newPage();
  await second.addInitScript(reach);
  await visit(second);
  await said(second, "open in another tab");
  await scaled(second, 5);
  await page.reload();
  await ready(page);
  await tab(page, "Deployments");
  await counts(page, "hello", "3/3");
  await browser.close();
});

test("a full store is told, and so is the end of it", async () => {
  const { browser, context, page } = await begin();
  const session = await context.newCDPSession(page);
  const { origin } = new URL(address);
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
  await scale(page, 4);
  await said(page, "Nothing can be saved: the browser");
  await counts(page, "hello", "4/4 available");
  await session.send("Storage.overrideQuotaForOrigin", { origin });
  await scale(page, 2);
  await said(page, "Saved again");
  await browser.close();
});

test("a damaged save and one of a newer version are kept aside", async () => {
  const { browser, page } = await open();
  await store(page, [["2/head", '{"v":9}']]);
  await said(page, "newer version of Kubarium");
  const download = page.waitForEvent("download");
  await page.getByTestId("offer").click();
  assert.ok((await download).suggestedFilename().endsWith(".json"));
  await store(page, [["2/head", "not JSON"], ["2/backup", null], ["2/base", null]]);
  await said(page, "cannot be opened");
  await browser.close();
});

test("a crashed engine is started again, and one that crashes at once is not", async () => {
  const { browser, page } = await begin();
  await scaled(page, 4);
  await tell(page, { Clock: "Pause" });
  await page.waitForTimeout(500);
  const before = await pods(page);
  assert.ok(before.length > 4 && before.every(Boolean), String(before));
  await tell(page, "CrashForTest");
  await said(page, "engine crashed (");
  await page.waitForFunction(() => globalThis.workers.length === 2);
  // What stands on the page may still be the old worker's: the new one says when it lives.
  await page.evaluate(() => new Promise((done) => {
    globalThis.workers.at(-1).addEventListener("message", ({ data }) => /"Screen"|"Pong"/.test(data) && done());
  }));
  await counts(page, "hello", "4/4 available");
  assert.deepEqual(await pods(page), before, "the same Pods");
  await tell(page, "CrashForTest");
  await said(page, "crashed again");
  await page.getByTestId("offer").click();
  await said(page, "kept aside");
  await counts(page, "hello", "3/3 available");
  await browser.close();
});
