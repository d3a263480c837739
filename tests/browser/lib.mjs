// What every browser test needs: the built page, a Chromium of its own, and a watch over what the
// page must never do (log an error, leave its origin).

import { readFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, extname, join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const dist = join(root, "dist");
const pictures = join(root, "test-results");
const axeSource = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** How long the engine may take until the first screen, on a slow machine. */
export const READY_MS = 60_000;

/** A phone, a tablet, a desk. */
export const VIEWPORTS = {
  phone: { width: 390, height: 844 },
  tablet: { width: 820, height: 1180 },
  desk: { width: 1440, height: 900 },
};

const ARGUMENTS = [
  "--headless=new",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const MEDIA_TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".yaml": "text/plain; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
};

/**
 * Where the page is served. `cargo xtask test` serves it and says where in KUBARIUM_URL; run by
 * hand, the tests serve dist/ themselves.
 */
export async function serve() {
  if (process.env.KUBARIUM_URL) {
    return { url: process.env.KUBARIUM_URL, close: async () => {} };
  }
  assert.ok(existsSync(join(dist, "index.html")), "dist/ holds no page: cargo xtask serve builds it");
  const server = createServer(answer);
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () =>
      new Promise((closed) => {
        server.close(closed);
        server.closeAllConnections();
      }),
  };
}

async function answer(request, response) {
  const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
  const file = normalize(join(dist, path.endsWith("/") ? `${path}index.html` : path));
  try {
    assert.ok(file.startsWith(dist + sep));
    const bytes = await readFile(file);
    const type = MEDIA_TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "content-type": type }).end(bytes);
  } catch {
    response.writeHead(404).end("not found\n");
  }
}

/** Debian's Chromium with an empty profile, or the one that CHROMIUM names. */
async function launch(options) {
  const profile = await mkdtemp(join(tmpdir(), "kubarium-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ARGUMENTS,
    ...options,
  });
  return { context, profile };
}

/**
 * Opens the page, runs `walk({ page, url, context })`, and fails if the page logged an error, threw
 * one, or asked for anything outside its origin.
 *
 * Options: `viewport` (of VIEWPORTS), `colorScheme`, `reducedMotion`, `fragment` (of a link),
 * `expectedErrors` (texts that console errors may contain).
 */
export async function withPage(options, walk) {
  const { viewport = VIEWPORTS.desk, colorScheme = "light", reducedMotion = "reduce" } = options;
  const { fragment = "", expectedErrors = [] } = options;
  const server = await serve();
  const { context, profile } = await launch({ viewport, colorScheme, reducedMotion });
  const complaints = [];
  const complain = (text) => {
    if (!expectedErrors.some((expected) => text.includes(expected))) complaints.push(text);
  };
  try {
    await watch(context, new URL(server.url).origin, complain);
    const page = context.pages()[0] ?? (await context.newPage());
    await page.goto(server.url + fragment);
    await walk({ page, context, url: server.url });
    assert.deepEqual(complaints, [], "the page complained or left its origin");
  } catch (error) {
    // What the page said is usually the reason.
    if (complaints.length > 0) error.message += `\nThe page: ${complaints.join("\n")}`;
    throw error;
  } finally {
    await context.close();
    await server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function watch(context, origin, complain) {
  await context.route("**/*", (route) => {
    const url = new URL(route.request().url());
    if (url.origin === origin || url.protocol === "data:" || url.protocol === "blob:") {
      return route.continue();
    }
    complain(`request leaves the origin: ${url}`);
    return route.abort();
  });
  context.on("console", (message) => {
    if (message.type() === "error") complain(`console: ${message.text()}`);
  });
  context.on("weberror", (error) => complain(`uncaught: ${error.error()}`));
  context.on("requestfailed", (request) => {
    const why = request.failure()?.errorText;
    if (why !== "net::ERR_ABORTED") complain(`request failed: ${request.url()} (${why})`);
  });
}

/** Waits until the engine has reported and the page shows the cluster. */
export async function ready(page) {
  await page.locator('body[data-ready="true"]').waitFor({ state: "attached", timeout: READY_MS });
}

/** Saves a picture of the page as test-results/NAME.png. */
export async function picture(page, name) {
  await mkdir(pictures, { recursive: true });
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: "disabled" });
}

/**
 * Fails where axe finds a barrier of WCAG 2.2 A or AA. `within` is a CSS selector; all of the page
 * if left out.
 */
export async function accessible(page, within) {
  const source = await readFile(axeSource, "utf8");
  // Evaluated through the browser's own protocol, so the page's policy does not stand in the way.
  await page.evaluate(source);
  const violations = await page.evaluate(async (selector) => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const result = await globalThis.axe.run(selector ?? document, {
      runOnly: { type: "tag", values: tags },
    });
    return result.violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary}`),
    }));
  }, within);
  assert.deepEqual(violations, [], "axe found barriers");
}

/** Fails if the page is wider than the window. */
export async function fitsItsWindow(page) {
  const [content, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  assert.ok(content <= window, `the page is ${content} px wide in a window of ${window} px`);
}
