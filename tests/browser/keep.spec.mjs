// What is kept, as a person meets it: a killed tab, a second tab, a full store, a damaged save, a
// crashed engine, a link and its reload.
import assert from "node:assert/strict";
import { test } from "node:test";
import { address, clean, counts, holds, open, patience, picture, ready, rollout, speed, tab, walk } from "./lib.mjs";

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
  await tab(page, "Workloads");
}

// Walks a page whose workers the test reaches. What is meant to complain is taken out of the
// complaints by `expect`.
const kept = (steps) => walk({}, async (page, opened) => {
  await page.addInitScript(reach);
  await page.reload();
  await ready(page);
  await tab(page, "Workloads");
  await counts(page, "hello", "3/3");
  await steps(page, opened);
});

function expect(complaints, pattern) {
  const found = complaints.filter((text) => pattern.test(text));
  assert.ok(found.length > 0, `nothing complains of ${pattern}`);
  for (const text of found) complaints.splice(complaints.indexOf(text), 1);
}

// Waits until `look` finds something.
async function until(look, what) {
  for (const end = Date.now() + patience; Date.now() < end;) {
    const found = await look();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`in vain: ${what}`);
}

// The head of what is saved.
const head = (page) => page.evaluate(async () => {
  const finished = (request) => new Promise((done, no) => {
    request.onsuccess = () => done(request.result);
    request.onerror = no;
  });
  const database = await finished(indexedDB.open("kubarium", 1));
  const text = await finished(database.transaction("sessions").objectStore("sessions").get("2/head"));
  database.close();
  return JSON.parse(text ?? "null");
});
const savedSeed = (page, seed) => until(async () => (await head(page))?.config.seed === seed, `seed ${seed} is saved`);
const nodes = (page, count) => page.waitForFunction((wanted) => document.querySelectorAll("[data-testid=node-status]").length === wanted, count);
const anew = { New: { workers: 2, cpu_milli: 4_000, memory_mib: 8_192, pods: 110, seed: 5 } };

async function keptAside(page) {
  await page.getByTestId("menu").click();
  await page.getByTestId("kept-aside").click();
  const dialog = page.getByRole("dialog", { name: "Kept aside" });
  await dialog.waitFor();
  return dialog;
}

async function scaled(page, replicas) {
  await scale(page, replicas);
  await counts(page, "hello", `${replicas}/${replicas} available`);
}

// Changes what is stored while no page holds it: puts these texts under their keys, or takes away
// what is under a key whose text is null. The page's policy runs no text as a script, so a change is
// no function.
async function store(page, changes) {
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
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

test("what was confirmed survives a killed tab, and a reload after a link", () => kept(async (page, { context }) => {
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
  await tab(again, "Workloads");
  await counts(again, "hello", "2/2 available");

  // A new cluster in the place of the link's is not lost to the address bar either.
  await tell(again, anew);
  await nodes(again, 3);
  await savedSeed(again, 5);
  await again.reload();
  await ready(again);
  await nodes(again, 3);

  const fresh = await open({ fragment: fragment.slice(1) });
  try {
    await tab(fresh.page, "Workloads");
    await counts(fresh.page, "hello", "4/4 available");
    assert.deepEqual(fresh.complaints, []);
  } finally {
    await fresh.browser.close();
  }
}));

test("a second tab goes on in memory and overwrites nothing", () => kept(async (page, { context }) => {
  const second = await context.newPage();
  await second.addInitScript(reach);
  await visit(second);
  await said(second, "open in another tab");
  await scaled(second, 5);
  await tell(second, anew);
  await said(second, "The cluster you have would be gone");
  await nodes(second, 4);
  await second.getByTestId("offer").click();
  await nodes(second, 3);
  await page.reload();
  await ready(page);
  await tab(page, "Workloads");
  await counts(page, "hello", "3/3");
}));

test("a full store is told, and so is the end of it", () => kept(async (page, { context }) => {
  const session = await context.newCDPSession(page);
  const { origin } = new URL(address);
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: 1 });
  await scale(page, 4);
  await said(page, "Nothing can be saved: the browser");
  await counts(page, "hello", "4/4 available");
  await session.send("Storage.overrideQuotaForOrigin", { origin });
  await scale(page, 2);
  await said(page, "Saved again");
}));

test("a damaged save and one of a newer version are kept aside", () => walk({}, async (page) => {
  await store(page, [["2/head", '{"v":9}']]);
  await said(page, "newer version of Kubarium");
  const download = page.waitForEvent("download");
  await page.getByTestId("offer").click();
  assert.ok((await download).suggestedFilename().endsWith(".json"));
  await store(page, [["2/head", "not JSON"], ["2/backup", null], ["2/base", null]]);
  await said(page, "cannot be opened");
  const dialog = await keptAside(page);
  await dialog.getByText("it could not be opened").nth(1).waitFor();
  assert.equal(await dialog.getByTestId("aside").count(), 2);
}));

test("a cluster that gives way to a new one is kept aside, and comes back", () => kept(async (page) => {
  await scaled(page, 4);
  await tell(page, anew);
  await nodes(page, 3);
  await said(page, "The cluster you had is kept aside");
  let dialog = await keptAside(page);
  await dialog.getByText("a new cluster took its place").waitFor();
  await picture(page, "kept-aside");
  await clean(page, "what is kept aside");
  const download = page.waitForEvent("download");
  await dialog.getByTestId("aside-export").click();
  await download;
  await dialog.getByTestId("aside-open").click();
  await nodes(page, 4);
  await counts(page, "hello", "4/4 available");

  // What is open is kept aside no longer, and lets nothing else go.
  await until(async () => (await head(page))?.config.seed !== 5, "it is saved");
  dialog = await keptAside(page);
  await dialog.getByText("Nothing is kept aside").waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();
  await tell(page, anew);
  await nodes(page, 3);
  dialog = await keptAside(page);
  assert.equal(await dialog.getByTestId("aside").count(), 1);
  await dialog.getByTestId("aside-discard").click();
  await dialog.getByText("Nothing is kept aside").waitFor();
}));

test("a crashed engine is started again, and one that crashes at once is not", () => kept(async (page, { complaints }) => {
  await scaled(page, 4);
  await tell(page, { Clock: "Pause" });
  await holds(page, "[data-testid=pause]", "Resume");
  const before = await pods(page);
  assert.ok(before.length > 4 && before.every(Boolean), String(before));
  await tell(page, "CrashForTest");
  await said(page, "engine crashed (");
  expect(complaints, /a test asked for it/);
  await page.waitForFunction(() => globalThis.workers.length === 2);
  // What stands on the page may still be the old worker's: the new one says when it lives.
  await page.evaluate(() => new Promise((done) => {
    globalThis.workers.at(-1).addEventListener("message", ({ data }) => /"Screen"|"Pong"/.test(data) && done());
  }));
  await counts(page, "hello", "4/4 available");
  assert.deepEqual(await pods(page), before, "the same Pods");
  await tell(page, "CrashForTest");
  await said(page, "crashed again");
  expect(complaints, /a test asked for it/);
  await rollout(page, "hello").getByTestId("replicas").fill("2");
  await rollout(page, "hello").getByTestId("replicas-set").click();
  await said(page, "the cluster's engine does not run, so this was not done");
  await page.getByTestId("offer").click();
  await said(page, "kept aside");
  await counts(page, "hello", "3/3 available");
}));

test("an engine that crashes before the first screen is told too", () => kept(async (page, { complaints }) => {
  await page.addInitScript(() => {
    const Real = globalThis.Worker;
    globalThis.Worker = class extends Real {
      constructor(...args) {
        super(...args);
        this.addEventListener("message", ({ data }) => data === "\"Ready\"" && this.postMessage("\"CrashForTest\""));
      }
    };
  });
  await page.reload();
  await said(page, "crashed again");
  await page.getByRole("button", { name: "Start anew" }).waitFor();
  assert.equal(await page.locator(".loading").count(), 0, "nothing is awaited any more");
  await clean(page, "a page without an engine");
  expect(complaints, /a test asked for it/);
}));

test("a command to an engine that crashes is answered", () => kept(async (page, { complaints }) => {
  await rollout(page, "hello").getByTestId("replicas").fill("5");
  // In one task, so that the page does not know of the crash yet when it gives the command.
  await page.evaluate(() => {
    globalThis.workers.at(-1).postMessage(JSON.stringify("CrashForTest"));
    document.querySelector("[data-testid=rollout-hello] [data-testid=replicas-set]").click();
    globalThis.told = new Promise((done) => {
      const line = document.querySelector("[data-testid=said]");
      new MutationObserver(() => line.textContent.includes("crashed before it confirmed this") && done()).observe(line, { subtree: true, childList: true, characterData: true });
    });
  });
  await page.evaluate(() => globalThis.told);
  expect(complaints, /a test asked for it/);
  // What is said while the next one starts waits for it.
  await rollout(page, "hello").getByTestId("replicas").fill("5");
  await rollout(page, "hello").getByTestId("replicas-set").click();
  await counts(page, "hello", "5/5 available");
}));

test("a long way back shows how far it is, and the engine goes on hearing", () => kept(async (page) => {
  await speed(page, 1_000_000);
  await until(async () => {
    const text = await page.getByTestId("elapsed").textContent();
    return text.split(":").length === 3 && Number(text.split(":")[0]) >= 2;
  }, "two hours");
  const download = page.waitForEvent("download");
  await page.getByTestId("menu").click();
  await page.getByTestId("export").click();
  const file = await (await download).path();
  await page.evaluate(() => {
    globalThis.seen = [];
    new MutationObserver(() => {
      const text = document.querySelector("[data-testid=working]")?.textContent;
      if (text) globalThis.seen.push(text);
    }).observe(document.body, { subtree: true, childList: true, characterData: true });
    // Asked again and again, it answers in the midst of its work.
    globalThis.gaps = [];
    let asked = performance.now();
    const worker = globalThis.workers.at(-1);
    worker.addEventListener("message", ({ data }) => {
      if (data !== "\"Pong\"") return;
      globalThis.gaps.push(performance.now() - asked);
      asked = performance.now();
      worker.postMessage("\"Ping\"");
    });
    worker.postMessage("\"Ping\"");
  });
  await page.getByTestId("menu").click();
  await page.getByTestId("import").setInputFiles(file);
  await said(page, "The file is open");
  const seen = await page.evaluate(() => globalThis.seen);
  assert.match(seen.join("; "), /replaying… \d+ %/);
  assert.ok((await page.evaluate(() => globalThis.gaps.length)) > 10);
  await page.getByTestId("working").waitFor({ state: "detached" });
}));
