// Point 7: looking back at an earlier moment, which loses nothing, and carrying on from there, which
// says what becomes of what came later.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, clean, counts, holds, picture, ready, rollout, speed, tab, walk } from "./lib.mjs";

const slider = (page) => page.getByRole("slider", { name: "Look at an earlier moment" });
const age = (page) => slider(page).evaluate((input) => Number(input.max));
const banner = (page) => page.getByTestId("past");
const gone = (page) => banner(page).waitFor({ state: "detached" });

async function lookAt(page, seconds) {
  await slider(page).evaluate((input, value) => {
    input.value = String(value);
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, seconds);
  await banner(page).waitFor();
}

async function ask(page, replicas) {
  await rollout(page, "hello").getByTestId("replicas").fill(String(replicas));
  await rollout(page, "hello").getByTestId("replicas-set").click();
}

async function scale(page, replicas) {
  await ask(page, replicas);
  await counts(page, "hello", `${replicas}/${replicas} available`);
}

// A cluster scaled to 5 and then to 4, from its 25th second on.
async function scaled(page) {
  await tab(page, "Workloads");
  await counts(page, "hello", "3/3 available");
  await speed(page, 5_000);
  await scale(page, 5);
  await scale(page, 4);
}

test("a look back keeps what came after it, also when the page is loaded again", () => walk({}, async (page) => {
  await scaled(page);
  const before = await age(page);
  await lookAt(page, 24);
  await holds(page, "[data-testid=elapsed]", /^0:24$/);
  await holds(page, "[data-testid=past]", "You are looking at 0:24. Carrying on from here keeps the cluster with the 2 commands given after it aside.");
  await counts(page, "hello", "3/3 available");
  await holds(page, "[data-testid=pause]", "Resume");
  assert.ok(await age(page) >= before, "the slider still reaches the present");
  await picture(page, "looking-back");
  await clean(page, "a look back");

  await page.getByTestId("return").click();
  await gone(page);
  await counts(page, "hello", "4/4 available");
  await holds(page, "[data-testid=pause]", "Pause");

  await lookAt(page, 24);
  await counts(page, "hello", "3/3 available");
  await page.reload();
  await ready(page);
  await tab(page, "Workloads");
  await counts(page, "hello", "4/4 available");
  assert.equal(await banner(page).count(), 0);
}));

test("what happened can be watched again, up to the present", () => walk({}, async (page) => {
  await scaled(page);
  await lookAt(page, 24);
  await counts(page, "hello", "3/3 available");
  await page.getByTestId("pause").click();
  await holds(page, "[data-testid=past]", "keeps the cluster with the command given");
  await gone(page);
  await counts(page, "hello", "4/4 available");
}));

test("carrying on asks first, and keeps what came later aside", () => walk({}, async (page) => {
  await scaled(page);
  await lookAt(page, 24);
  await counts(page, "hello", "3/3 available");
  const dialog = page.getByRole("dialog", { name: "Do this at an earlier moment?" });
  await ask(page, 2);
  await dialog.getByText("keeps the cluster with the 2 commands given after it aside").waitFor();
  await picture(page, "carry-on");
  await clean(page, "the question before it");
  await dialog.getByRole("button", { name: "Close" }).click();
  await dialog.waitFor({ state: "detached" });
  await counts(page, "hello", "3/3 available");
  await banner(page).waitFor();

  await ask(page, 2);
  await page.getByTestId("carry-on-do").click();
  await answer(page, "deployment.apps/hello scaled");
  await gone(page);
  await counts(page, "hello", "2/2 available");
  await page.getByTestId("menu").click();
  await page.getByTestId("kept-aside").click();
  await page.getByText("an earlier moment of it was carried on from").waitFor();
  await page.reload();
  await ready(page);
  await tab(page, "Workloads");
  await counts(page, "hello", "2/2 available");

  await lookAt(page, 22);
  await page.getByTestId("carry-on").click();
  await gone(page);
  await counts(page, "hello", "3/3 available");
}));

test("on a phone the line about the past leaves room", () => walk({ width: 390, height: 844, dark: true }, async (page) => {
  await lookAt(page, 20);
  await holds(page, "[data-testid=past]", "Nothing was done after it.");
  await picture(page, "looking-back-phone");
  await clean(page, "a look back on a phone");
}));
