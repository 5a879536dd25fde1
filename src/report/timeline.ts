/**
 * The live load over time as a small chart of block characters.
 *
 *      38.01 MiB ┤   ▃█
 *                │▂▅███▁ ▁
 *            0 B ┼─────────
 *                0        8
 *
 * Invariant: a column is the greatest load of its steps, rounded up to an eighth of a line, so no load vanishes.
 */
import { groupDigits, humanBytes } from '../format.js';
import type { Style } from './style.js';

const EIGHTHS = ['', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const LINES = 8;
/** A chart that is wider says no more. */
const MOST_COLUMNS = 120;
const LEAST_COLUMNS = 20;

/**
 * Draws a chart.
 *
 * @param load bytes in use at every step
 * @param width columns that there are
 * @param nameOf what a step is called
 */
export function formatTimeline(
  load: Float64Array,
  width: number,
  style: Style,
  nameOf: (step: number) => number = (step) => step,
): string[] {
  const peak = load.reduce((best, bytes, step) => (bytes > load[best] ? step : best), 0);
  const most = load[peak] ?? 0;
  if (most === 0) return ['No step needs the compute buffer.'];
  const labels = [humanBytes(most), humanBytes(most / 2), humanBytes(0)];
  const margin = Math.max(...labels.map(({ length }) => length));
  const room = Math.max(LEAST_COLUMNS, Math.min(MOST_COLUMNS, width - margin - 3));
  const levels = levelsOf(load, Math.min(room, load.length), most);
  const lines = Array.from({ length: LINES }, (_, index) => {
    const line = LINES - 1 - index;
    const label = line === LINES - 1 ? labels[0] : line === LINES / 2 - 1 ? labels[1] : '';
    const blocks = levels.map((level) => EIGHTHS[Math.max(0, Math.min(8, level - 8 * line))] || ' ').join('');
    return `${style.faint(label.padStart(margin))} ${style.faint(label === '' ? '│' : '┤')}${style.good(blocks.trimEnd())}`;
  });
  const [first, last] = [groupDigits(nameOf(0)), groupDigits(nameOf(load.length - 1))];
  const steps = first + last.padStart(Math.max(levels.length - first.length, last.length + 1));
  return [
    `In use at each step, the most at step ${groupDigits(nameOf(peak))}:`,
    ...lines,
    style.faint(`${labels[2].padStart(margin)} ┼${'─'.repeat(levels.length)}`),
    style.faint(`${' '.repeat(margin + 2)}${steps}`),
  ];
}

/** The height of each column, in eighths of a line. */
function levelsOf(load: Float64Array, columns: number, most: number): number[] {
  return Array.from({ length: columns }, (_, column) => {
    const from = Math.floor((column * load.length) / columns);
    const to = Math.floor(((column + 1) * load.length) / columns);
    const greatest = load.subarray(from, to).reduce((a, b) => Math.max(a, b), 0);
    return Math.ceil((greatest / most) * LINES * 8);
  });
}

/** A bar for a part of a whole, `width` columns when it is all, to an eighth of a column; some for any part at all. */
export function bar(part: number, whole: number, width: number): string {
  if (part === 0 || whole === 0) return '';
  const eighths = Math.max(1, Math.round((part / whole) * width * 8));
  return '█'.repeat(Math.floor(eighths / 8)) + (ROWS[eighths % 8] ?? '');
}

/** Blocks that grow to the right. */
const ROWS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
