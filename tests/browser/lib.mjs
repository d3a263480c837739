// A person's browser: Debian's Chromium, a fresh profile, nothing but this page's own address.
import assert from "node:assert/strict";
import { chromium } from "playwright-core";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

export const address = process.env.KUBARIUM_URL ?? "http://127.0.0.1:8080/";
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const results = new URL("../../test-results/", import.meta.url).pathname;
mkdirSync(results, { recursive: true });

// A slow machine is no failure.
export const patience = 90_000;

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];

// Opens the page; `complaints` collects console errors and requests that leave the page's origin.
export async function open({ width = 1440, height = 900, dark = false, fragment = "", calm = false } = {}) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: flags });
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? "dark" : "light",
    reducedMotion: calm ? "reduce" : "no-preference",
    bypassCSP: false,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
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

// Opens the page, walks, and in the end looks whether anything complained.
export async function walk(options, steps) {
  const opened = await open(options);
  try {
    await steps(opened.page, opened);
    assert.deepEqual(opened.complaints, []);
  } finally {
    await opened.browser.close();
  }
}

export const ready = (page) => page.waitForSelector("body[data-ready=true]", { timeout: patience });
export const picture = (page, name) => page.screenshot({ path: `${results}${name}.png` });

// What axe-core finds wrong with the page as it is.
export async function axe(page) {
  // Evaluated from outside the page, so its Content-Security-Policy stays as it is.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => globalThis.axe.run(document));
  return found.violations.map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.html} (${node.failureSummary})`).join(" | ")}`);
}

// The page is clean for everybody: nothing for axe-core, nothing wider than the window.
export async function clean(page, where) {
  assert.deepEqual(await axe(page), [], where);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${where}: ${wide} px wider than its window`);
}

export const tab = (page, name) => page.getByRole("tab", { name }).click();
export const speed = (page, value) => page.selectOption("[data-testid=speed]", String(value));
export const rollout = (page, name) => page.locator(`[data-testid=rollout-${name}]`);
export const said = (page) => page.getByTestId("said");

// Waits until the element that `selector` finds holds `text`.
export async function holds(page, selector, text) {
  const wanted = text instanceof RegExp ? text : new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  await page.waitForFunction(
    ([found, source]) => new RegExp(source).test(document.querySelector(found)?.textContent ?? ""),
    [selector, wanted.source],
    { timeout: patience },
  );
}

// Waits until a Deployment's counts say `text`; its tab has to be open.
export const counts = (page, name, text) => holds(page, `[data-testid=rollout-${name}] [data-testid=counts]`, text);
// Waits until the line that answers says `text`.
export const answer = (page, text) => holds(page, "[data-testid=said]", text);

// Puts `text` into the editor and applies it.
export async function apply(page, text) {
  await tab(page, "Manifest");
  await page.click("[data-testid=editor] .cm-content");
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
  await page.getByTestId("apply").click();
}

// The manifests of a web server, as books write them.
export const deployment = ({ name = "hello-deploy", app = "hello-world", replicas = 10, image = "nigelpoulton/k8sbook:1.0", ready = 10, deadline = 300, cpu = "0.1" } = {}) => `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
spec:
  replicas: ${replicas}
  selector:
    matchLabels:
      app: ${app}
  revisionHistoryLimit: 5
  progressDeadlineSeconds: ${deadline}
  minReadySeconds: ${ready}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxUnavailable: 1
      maxSurge: 1
  template:
    metadata:
      labels:
        app: ${app}
    spec:
      containers:
      - name: hello-pod
        image: ${image}
        ports:
        - containerPort: 8080
        resources:
          limits:
            memory: 32Mi
            cpu: ${cpu}
`;

export const service = `apiVersion: v1
kind: Service
metadata:
  name: hello-svc
  labels:
    app: hello-world
spec:
  type: NodePort
  ports:
  - port: 8080
    nodePort: 30001
    protocol: TCP
  selector:
    app: hello-world
`;
