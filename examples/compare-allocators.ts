/**
 * Places a problem with every allocator and says which one is best. The columns of the CSV are MiniMalloc's.
 *
 *     npx tsx examples/compare-allocators.ts [problem.csv]
 */
import { readFileSync } from 'node:fs';
import { ALLOCATORS, liveLoad, parseProblemCsv, verifyPlacement } from 'tensor-arena';

const [file = 'examples/problem.csv'] = process.argv.slice(2);
const { problem } = parseProblemCsv(readFileSync(file, 'utf8'));
const bound = liveLoad(problem).bytes;
console.log(`${file}: ${problem.bufferCount} buffers, no placement can be smaller than ${bound} bytes`);

const rows = Object.entries(ALLOCATORS).map(([name, allocator]) => {
  const start = performance.now();
  const placement = allocator.place(problem);
  const milliseconds = performance.now() - start;
  const violations = verifyPlacement(problem, placement);
  if (violations.length > 0) throw new Error(violations[0].message);
  return { name, size: placement.chunks[0], milliseconds };
});
for (const { name, size, milliseconds } of rows.sort((a, b) => a.size - b.size)) {
  const gap = `+${((size / bound - 1) * 100).toFixed(1)} %`;
  console.log(`${name.padEnd(20)} ${String(size).padStart(9)}  ${gap.padStart(8)}  ${milliseconds.toFixed(1)} ms`);
}
