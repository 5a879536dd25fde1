/**
 * What passes have made of a graph's compute buffer, as text and as plain data.
 *
 * Invariant: the keys of the JSON are a published format. Those of passes that were not asked for say that nothing changed.
 */
import { counted, exactBytes, gapText } from '../format.js';
import type { Measurement } from '../plan/measure.js';
import type { Style } from './style.js';
import { formatTable, printable, type Column } from './table.js';

/** What it costs to compute regions in parts. */
export interface SplitCost {
  readonly regionCount: number;
  /** Multiply-adds that are computed more than once, as a fraction of all. */
  readonly extraOps: number;
  /** Bytes that are read again. */
  readonly rereadBytes: number;
}

/** A graph before and after its passes. Sizes in bytes. */
export interface ShrunkFile {
  readonly file: string;
  readonly nodes: number;
  readonly before: Measurement;
  readonly after: Measurement;
  /** In the best order; null if no order was looked for. */
  readonly ordered: Measurement | null;
  /** What parts cost; null if no region was to be computed in parts. */
  readonly split: SplitCost | null;
  /** What no order of the nodes can go below; 0 if no order was looked for. */
  readonly orderBound: number;
  /** Whether the order is proven to be the best. */
  readonly orderOptimal: boolean;
  /** The bytes that there are; null if nobody said. */
  readonly budget: number | null;
}

/** Whether the buffer keeps to the budget; null without one. */
export function fitsBudget({ after, budget }: ShrunkFile): boolean | null {
  return budget === null ? null : after.bufferSize <= budget;
}

/** The fields of the command's JSON output, in their order. */
export function shrunkFileJson(shrunk: ShrunkFile): object {
  const { file, nodes, before, after, ordered, split, orderBound, orderOptimal } = shrunk;
  const sizes = ({ bufferSize, lowerBound, isOptimal: optimal }: Measurement): object => ({
    bufferSize,
    lowerBound,
    optimal,
  });
  const none = { extraOps: 0, rereadBytes: 0 };
  const cost = split === null ? none : { extraOps: split.extraOps, rereadBytes: split.rereadBytes };
  const frontier = [{ bufferSize: after.bufferSize, ...cost }];
  if (split !== null && split.regionCount > 0)
    frontier.unshift({ bufferSize: (ordered ?? before).bufferSize, ...none });
  return {
    file,
    before: sizes(before),
    after: sizes(after),
    orderBound,
    orderOptimal,
    fits: fitsBudget(shrunk),
    ...cost,
    nodes,
    frontier,
  };
}

interface Row {
  readonly what: string;
  readonly measurement: Measurement;
}

/** The report as text, a newline after each line. */
export function formatShrunk(shrunk: ShrunkFile, style: Style, room: number | null): string {
  const { file, before, after, ordered, split } = shrunk;
  const columns: Column<Row>[] = [
    { title: '', cell: ({ what }) => what },
    { title: 'compute buffer', cell: ({ measurement }) => exactBytes(measurement.bufferSize), align: 'right' },
    { title: 'gap', cell: ({ measurement }) => gapText(measurement.bufferSize, measurement.lowerBound), spare: 1 },
  ];
  const rows = [
    { what: 'order as given', measurement: before },
    ...(ordered === null ? [] : [{ what: 'best order', measurement: ordered }]),
    ...(split === null ? [] : [{ what: 'in parts', measurement: after }]),
  ];
  const table = formatTable(columns, rows, style.faint, room ?? undefined);
  const lines = [
    style.strong(printable(file)),
    '',
    ...table,
    '',
    ...describeOrder(shrunk),
    ...describeSplit(shrunk),
    ...describeBudget(shrunk, style),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function describeOrder({ before, ordered, nodes, orderBound, orderOptimal }: ShrunkFile): string[] {
  if (ordered === null) return [];
  const saved = before.bufferSize - ordered.bufferSize;
  const bound = exactBytes(orderBound);
  if (saved > 0) {
    const percent = ((100 * saved) / before.bufferSize).toFixed(1);
    const proof = orderOptimal ? 'No other order needs less.' : `No order needs less than ${bound}.`;
    return [`Another order of its ${counted(nodes, 'node')} needs ${percent} % less. ${proof}`];
  }
  const text = orderOptimal
    ? `No order of its ${counted(nodes, 'node')} needs less than the given one.`
    : `No better order of its ${counted(nodes, 'node')} was found; none needs less than ${bound}.`;
  return [text];
}

function describeSplit({ before, ordered, after, split }: ShrunkFile): string[] {
  if (split === null) return [];
  const whole = (ordered ?? before).bufferSize;
  if (split.regionCount === 0) return ['No region of it was computed in parts.'];
  const percent = ((100 * (whole - after.bufferSize)) / whole).toFixed(1);
  const extra = `${(100 * split.extraOps).toFixed(1)} % more multiply-adds`;
  const regions = `${counted(split.regionCount, 'region')} in parts`;
  return [`${regions}: ${percent} % less, for ${extra} and ${exactBytes(split.rereadBytes)} read again.`];
}

function describeBudget(shrunk: ShrunkFile, style: Style): string[] {
  const { budget, orderBound } = shrunk;
  const fits = fitsBudget(shrunk);
  if (budget === null || fits === null) return [];
  const within = exactBytes(budget);
  if (fits) return [`${style.good('It fits')} in ${within}.`];
  const proof =
    shrunk.split !== null
      ? '; this is the least that was found'
      : orderBound > budget
        ? ', and no order does'
        : '; whether another order does was not found out';
  return [`${style.bad('It does not fit')} in ${within}${proof}.`];
}
