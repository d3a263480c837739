// The rig itself: it must notice what it is there to notice.

import test from "node:test";
import assert from "node:assert/strict";
import { accessible, withPage } from "./lib.mjs";

test("a console error fails a test", async () => {
  const walk = withPage({}, ({ page }) => page.evaluate(() => console.error("planted")));
  await assert.rejects(walk, /planted/);
});

test("a request that leaves the origin fails a test", async () => {
  const leave = () => fetch("http://127.0.0.1:9/").catch(() => {});
  await assert.rejects(
    withPage({}, ({ page }) => page.evaluate(leave)),
    /origin|Content Security Policy/,
  );
});

test("an inline script is refused by the page's policy", async () => {
  const plant = () => {
    const script = document.createElement("script");
    script.textContent = "globalThis.planted = true";
    document.head.append(script);
    return globalThis.planted === true;
  };
  await withPage({ expectedErrors: ["Content Security Policy"] }, async ({ page }) => {
    assert.equal(await page.evaluate(plant), false);
  });
});

test("a barrier fails the accessibility check", async () => {
  await withPage({}, async ({ page }) => {
    await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", "<img src='data:,'>"));
    await assert.rejects(accessible(page), /image-alt/);
  });
});
