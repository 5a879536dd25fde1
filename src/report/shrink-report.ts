/**
 * What passes have made of a graph's compute buffer, as text and as plain data.
 *
 * Invariant: the keys of the JSON are a published format. Those of passes that were not asked for say that nothing changed.
 */
import { counted, exactBytes, gapText } from '../format.js';
import type { FitCost, FitPoint } from '../passes/fit/options.js';
import type { Measurement } from '../plan/measure.js';
import type { Style } from './style.js';
import { formatTable, printable, type Column } from './table.js';

/** What a pass has made of what was there before it, and what that costs. */
interface Changed extends FitCost {
  readonly measurement: Measurement;
}

/** Regions in parts. */
export interface Parts extends Changed {
  readonly regionCount: number;
}

/** Values computed again. */
export interface Repeated extends Changed {
  /** The sizes that were reached, and what each costs. */
  readonly frontier: readonly FitPoint[];
}

/** A graph before and after its passes. Sizes in bytes. */
export interface ShrunkFile {
  readonly file: string;
  readonly nodes: number;
  readonly before: Measurement;
  readonly after: Measurement;
  /** In the best order; null if no order was looked for. */
  readonly ordered: Measurement | null;
  /** Null if no region was to be computed in parts. */
  readonly split: Parts | null;
  /** Null if no value was to be computed again. */
  readonly recomputed: Repeated | null;
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
  const { file, nodes, before, after, orderBound, orderOptimal } = shrunk;
  const sizes = ({ bufferSize, lowerBound, isOptimal: optimal }: Measurement): object => ({
    bufferSize,
    lowerBound,
    optimal,
  });
  return {
    file,
    before: sizes(before),
    after: sizes(after),
    orderBound,
    orderOptimal,
    fits: fitsBudget(shrunk),
    ...costOf(shrunk),
    nodes,
    frontier: frontierOf(shrunk),
  };
}

const FREE: FitCost = { extraOps: 0, rereadBytes: 0 };

/** What all passes cost together. */
function costOf({ split, recomputed }: ShrunkFile): FitCost {
  return both(split ?? FREE, recomputed ?? FREE);
}

/** The cost of a second pass is a fraction of what the first has made. */
function both(first: FitCost, second: FitCost): FitCost {
  const extraOps = first.extraOps + (1 + first.extraOps) * second.extraOps;
  return { extraOps, rereadBytes: first.rereadBytes + second.rereadBytes };
}

/** What each pass reached, from the largest and cheapest down. */
function frontierOf({ before, ordered, split, recomputed }: ShrunkFile): FitPoint[] {
  const free = { bufferSize: (ordered ?? before).bufferSize, ...FREE };
  const inParts = split === null ? free : { bufferSize: split.measurement.bufferSize, ...both(split, FREE) };
  const again = (recomputed?.frontier ?? []).map((point) => ({
    bufferSize: point.bufferSize,
    ...both(inParts, point),
  }));
  return [free, inParts, ...again].filter(
    ({ bufferSize }, index, points) => index === 0 || bufferSize < points[index - 1].bufferSize,
  );
}

interface Row {
  readonly what: string;
  readonly measurement: Measurement;
}

/** The report as text, a newline after each line. */
export function formatShrunk(shrunk: ShrunkFile, style: Style, room: number | null): string {
  const { file, before, ordered, split, recomputed } = shrunk;
  const columns: Column<Row>[] = [
    { title: '', cell: ({ what }) => what },
    { title: 'compute buffer', cell: ({ measurement }) => exactBytes(measurement.bufferSize), align: 'right' },
    { title: 'gap', cell: ({ measurement }) => gapText(measurement.bufferSize, measurement.lowerBound), spare: 1 },
  ];
  const rows = [
    { what: 'order as given', measurement: before },
    ...(ordered === null ? [] : [{ what: 'best order', measurement: ordered }]),
    ...(split === null ? [] : [{ what: 'in parts', measurement: split.measurement }]),
    ...(recomputed === null ? [] : [{ what: 'values computed again', measurement: recomputed.measurement }]),
  ];
  const table = formatTable(columns, rows, style.faint, room ?? undefined);
  const lines = [
    style.strong(printable(file)),
    '',
    ...table,
    '',
    ...describeOrder(shrunk),
    ...describeSplit(shrunk),
    ...describeRepeated(shrunk),
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

function describeSplit({ before, ordered, split }: ShrunkFile): string[] {
  if (split === null) return [];
  const whole = (ordered ?? before).bufferSize;
  if (split.regionCount === 0) return ['No region of it was computed in parts.'];
  const percent = ((100 * (whole - split.measurement.bufferSize)) / whole).toFixed(1);
  const extra = `${(100 * split.extraOps).toFixed(1)} % more multiply-adds`;
  const regions = `${counted(split.regionCount, 'region')} in parts`;
  return [`${regions}: ${percent} % less, for ${extra} and ${exactBytes(split.rereadBytes)} read again.`];
}

function describeRepeated({ before, ordered, split, recomputed }: ShrunkFile): string[] {
  if (recomputed === null) return [];
  const { bufferSize: once } = split?.measurement ?? ordered ?? before;
  if (recomputed.extraOps === 0) return ['No value of it was computed again.'];
  const percent = ((100 * (once - recomputed.measurement.bufferSize)) / once).toFixed(1);
  return [`Values computed again: ${percent} % less, for ${(100 * recomputed.extraOps).toFixed(2)} % more operations.`];
}

function describeBudget(shrunk: ShrunkFile, style: Style): string[] {
  const { budget, orderBound } = shrunk;
  const fits = fitsBudget(shrunk);
  if (budget === null || fits === null) return [];
  const within = exactBytes(budget);
  if (fits) return [`${style.good('It fits')} in ${within}.`];
  const proof =
    shrunk.split !== null || shrunk.recomputed !== null
      ? '; this is the least that was found'
      : orderBound > budget
        ? ', and no order does'
        : '; whether another order does was not found out';
  return [`${style.bad('It does not fit')} in ${within}${proof}.`];
}
