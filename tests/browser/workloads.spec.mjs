// Who made whom, of every kind that runs Pods; and a load balancer's address.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answer, apply, clean, deployment, holds, patience, picture, speed, tab, walk } from "./lib.mjs";

const everything = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {containers: [{name: main, image: nginx}]}
---
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: main, image: nginx}]}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers: [{name: main, image: busybox, command: [sh, -c, "echo done"]}]
`;
const balanced = `apiVersion: v1
kind: Service
metadata: {name: front}
spec:
  type: LoadBalancer
  selector: {app: hello-world}
  ports: [{port: 80, targetPort: 8080}]
`;

const owned = (page, kind, name) => page.getByTestId(`owned-${kind}-${name}`);

for (const [name, options] of [["light", {}], ["dark-phone", { width: 390, height: 844, dark: true }]]) {
  test(`what runs Pods is shown as trees (${name})`, () => walk(options, async (page) => {
    await apply(page, everything);
    await answer(page, "created");
    await tab(page, "Workloads");
    await speed(page, 20_000);
    await holds(page, "[data-testid=owned-DaemonSet-agent]", "Ready 3");
    await holds(page, "[data-testid=owned-StatefulSet-db]", "Ready 2/2");
    await owned(page, "Pod", "db-1").waitFor({ timeout: patience });
    await page.waitForFunction(() => document.querySelectorAll("[data-testid=owned-CronJob-often] [data-testid^=owned-Job-]").length > 1, null, { timeout: patience });
    await speed(page, 1_000);
    await holds(page, "[data-testid=owned-CronJob-often]", "Complete");
    await owned(page, "CronJob", "often").scrollIntoViewIfNeeded();
    await picture(page, `workloads-${name}`);
    await clean(page, "the trees");
    await owned(page, "Pod", "db-0").getByRole("button").click();
    await holds(page, "#panel", "db-0");
  }));
}

test("a load balancer's address is reached from outside", () => walk({}, async (page) => {
  await apply(page, deployment({ replicas: 3, ready: 0 }));
  await answer(page, "created");
  await apply(page, balanced);
  await answer(page, "service/front created");
  await tab(page, "Services");
  await speed(page, 20_000);
  await page.getByRole("group", { name: "Which Service" }).getByRole("button", { name: /^front/ }).click();
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=endpoints] .state.ready").length === 3, null, { timeout: patience });
  await page.waitForFunction(() => [...document.querySelectorAll("[data-testid=from] option")].some((option) => option.value.startsWith("ip ")), null, { timeout: patience });
  await speed(page, 1_000);
  const from = page.getByTestId("from");
  const [outside] = (await from.locator("option").evaluateAll((all) => all.map((option) => option.value))).filter((value) => value.startsWith("ip "));
  assert.equal(outside, "ip 198.51.100.1");
  await from.selectOption(outside);
  await page.getByTestId("send-request").click();
  await holds(page, "[data-testid=answer]", "version 1.0, served from hello-deploy");
  await holds(page, "[data-testid=hops]", "an external address of front");
  await picture(page, "load-balancer");
  await clean(page, "the load balancer");
}));
