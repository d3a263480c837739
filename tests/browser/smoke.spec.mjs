// The page opens everywhere: phone to desk, light and dark, without a word of complaint.

import test from "node:test";
import assert from "node:assert/strict";
import { VIEWPORTS, accessible, fitsItsWindow, picture, ready, withPage } from "./lib.mjs";

for (const [name, viewport] of Object.entries(VIEWPORTS)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`the cluster shows on a ${name} in ${colorScheme} colours`, async () => {
      await withPage({ viewport, colorScheme }, async ({ page }) => {
        await ready(page);
        assert.match(await page.title(), /Kubarium/);
        await picture(page, `smoke-${name}-${colorScheme}`);
        await fitsItsWindow(page);
        await accessible(page);
      });
    });
  }
}
