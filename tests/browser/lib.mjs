// A person's browser: Debian's Chromium, a fresh profile, nothing but this page's own address.
import { chromium } from "playwright-core";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const address = process.env.KUBARIUM_URL ?? "http://127.0.0.1:8080/";
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const results = new URL("../../test-results/", import.meta.url).pathname;
mkdirSync(results, { recursive: true });

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

// Opens the page; `complaints` collects console errors and requests that leave the page's origin.
export async function open({ width = 1440, height = 900, dark = false, fragment = "" } = {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: dark ? "dark" : "light", bypassCSP: false });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !url.startsWith("data:") && !url.startsWith("blob:")) complaints.push(`left the origin: ${url}`);
  });
  await page.goto(address + (fragment ? `#${fragment}` : ""));
  await ready(page);
  return { browser, context, page, complaints };
}

export const ready = (page) => page.waitForSelector("body[data-ready=true]", { timeout: 60_000 });
export const picture = (page, name) => page.screenshot({ path: `${results}${name}.png` });

// What axe-core finds wrong with the page as it is.
export async function axe(page) {
  // Evaluated from outside the page, so its Content-Security-Policy stays as it is.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document));
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes[0]?.html}`);
}

export const counts = (page, name) => page.locator(`[data-testid=rollout-${name}] [data-testid=counts]`);
export async function say(page, name, text) {
  await page.waitForFunction(([id, wanted]) => document.querySelector(`[data-testid=rollout-${id}] [data-testid=counts]`)?.textContent.includes(wanted), [name, text], { timeout: 60_000 });
}
export async function speed(page, value) {
  await page.selectOption("[data-testid=speed]", String(value));
}
