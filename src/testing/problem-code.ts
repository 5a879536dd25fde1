/**
 * A placement problem as TypeScript that makes it: what a failed property prints, to be pasted into a test.
 *
 * Invariant: the code makes a problem with the same columns.
 */
import type { Problem } from '../problem/problem.js';

/** An expression; `createProblem` comes from the package. */
export function codeOfProblem(problem: Problem): string {
  const lines = Array.from({ length: problem.bufferCount }, (_, b) => `  ${codeOfBuffer(problem, b)},\n`);
  return `createProblem([\n${lines.join('')}])`;
}

function codeOfBuffer({ sizes, starts, ends, alignments, fixedOffsets, names, gaps }: Problem, b: number): string {
  const fields = [`size: ${sizes[b]}`, `start: ${starts[b]}`, `end: ${ends[b]}`];
  if (alignments[b] !== 1) fields.push(`alignment: ${alignments[b]}`);
  if (fixedOffsets !== null && !Number.isNaN(fixedOffsets[b])) fields.push(`fixedOffset: ${fixedOffsets[b]}`);
  if (names?.[b] !== undefined) fields.push(`name: ${JSON.stringify(names[b])}`);
  const parts: string[] = [];
  for (let g = gaps?.first[b] ?? 0; gaps !== null && g < gaps.first[b + 1]; g++) {
    const { starts: from, ends: to, lowers, uppers } = gaps;
    parts.push(`{ start: ${from[g]}, end: ${to[g]}, lower: ${lowers[g]}, upper: ${uppers[g]} }`);
  }
  if (parts.length > 0) fields.push(`gaps: [${parts.join(', ')}]`);
  return `{ ${fields.join(', ')} }`;
}
