// Runs every *.spec.mjs of this folder, or those named, one after the other: a second Chromium
// would only slow the first one down.

import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

const folder = dirname(fileURLToPath(import.meta.url));
const named = process.argv.slice(2);
const specs = named.length > 0 ? named : readdirSync(folder).filter((name) => name.endsWith(".spec.mjs")).sort();
const words = ["--test", "--test-concurrency=1", ...specs];
const { status } = spawnSync(process.execPath, words, { cwd: folder, stdio: "inherit" });
process.exit(status ?? 1);
