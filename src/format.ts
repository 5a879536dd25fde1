/**
 * Numbers as people read them, and what a lower bound takes for granted.
 *
 * Invariant: the exact count is always there to be printed as well; a rounded one never stands alone in a report.
 */
import { checkArgument } from './errors.js';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/**
 * Bytes in the largest unit that leaves at least 1, with two decimals above bytes: `1536` → `1.50 KiB`.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function humanBytes(bytes: number): string {
  checkNumber(bytes, 'bytes');
  let value = bytes;
  let unit = 0;
  // 1023.995 would print as 1024.00.
  while (value >= 1023.995 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(2)} ${UNITS[unit]}`;
}

/** A whole number with a comma after every third digit: `1234567` → `1,234,567`. @throws PlannerError `BAD_ARGUMENT` */
export function groupDigits(count: number): string {
  checkNumber(count, 'count');
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Both: `1.50 KiB (1,536 bytes)`; only the count where it is short enough. */
export function exactBytes(bytes: number): string {
  const exact = counted(bytes, 'byte');
  return bytes < 1024 ? exact : `${humanBytes(bytes)} (${exact})`;
}

/** How far a size is above its lower bound: `optimal`, or the gap in per cent, rounded up to be never too good. */
export function gapText(bufferSize: number, lowerBound: number): string {
  if (bufferSize === lowerBound) return 'optimal';
  if (lowerBound === 0) return 'no bound';
  return `+${gapPercent(bufferSize, lowerBound)}`;
}

/** The gap alone, of a size above its lower bound. */
export function gapPercent(bufferSize: number, lowerBound: number): string {
  const percent = (bufferSize / lowerBound - 1) * 100;
  return `${(Math.ceil(percent * 100) / 100).toFixed(2)} %`;
}

/** `1 node`, `2 nodes`. @throws PlannerError `BAD_ARGUMENT` */
export function counted(count: number, noun: string): string {
  checkArgument(typeof noun === 'string', 'noun', noun, 'a word', 'Give the name of one of what is counted.');
  return `${groupDigits(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Ends a sentence on the lower bound of a graph, which holds for this order and these in-place choices only. */
export const IN_PLACE_GIVEN = ' with this order and these in-place choices';

/** The same for a problem with fixed offsets. */
export const FIXED_GIVEN = ' with these fixed offsets';

function checkNumber(value: unknown, culprit: string): void {
  checkArgument(typeof value === 'number', culprit, value, 'a number', 'Give it as a number, not as text.');
}
