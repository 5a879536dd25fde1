/** Prints `N passed, N failed, N skipped` from vitest's JSON report. A file that cannot be loaded counts as failed. */
import { readFileSync } from 'node:fs';

const text = readFileSync(process.argv[2], 'utf8');
const files = text === '' ? [] : JSON.parse(text).testResults;
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
