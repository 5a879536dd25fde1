/** Prints `N passed, N failed, N skipped` from a folder of vitest's JSON reports. A file that cannot be loaded counts as failed. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2];
const files = readdirSync(folder).flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).testResults);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const { status, assertionResults } of files) {
  let failedHere = 0;
  for (const test of assertionResults) {
    if (test.status === 'passed') passed++;
    else if (test.status === 'failed') failedHere++;
    else skipped++;
  }
  failed += status === 'failed' ? Math.max(1, failedHere) : failedHere;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
