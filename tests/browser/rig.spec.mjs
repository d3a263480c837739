// The rig itself: it must notice what it is there to notice.
import assert from "node:assert/strict";
import { test } from "node:test";
import { axe, open } from "./lib.mjs";

test("a console error, a request elsewhere and a barrier are noticed", async () => {
  const { browser, page, complaints } = await open();
  try {
    assert.deepEqual(complaints, []);
    await page.evaluate(() => console.error("planted"));
    assert.deepEqual(complaints.splice(0), ["planted"]);
    await page.evaluate(() => fetch("http://127.0.0.1:9/").catch(() => {}));
    assert.match(complaints.splice(0).join("\n"), /Content Security Policy|left the origin/);
    await page.evaluate(() => document.body.insertAdjacentHTML("beforeend", "<img src='data:,'>"));
    assert.match((await axe(page)).join("\n"), /^image-alt/m);
  } finally {
    await browser.close();
  }
});

test("the page's policy refuses an inline script", async () => {
  const { browser, page } = await open();
  try {
    const ran = await page.evaluate(() => {
      const script = document.createElement("script");
      script.textContent = "globalThis.planted = true";
      document.head.append(script);
      return globalThis.planted === true;
    });
    assert.equal(ran, false);
  } finally {
    await browser.close();
  }
});
