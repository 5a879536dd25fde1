/**
 * What passes have made of a graph's compute buffer, as text and as plain data.
 *
 * Invariant: the keys of the JSON are a published format.
 */
import { counted, exactBytes, gapText } from '../format.js';
import type { FitCost, FitPoint } from '../passes/fit/options.js';
import type { Measurement } from '../plan/measure.js';
import type { Style } from './style.js';
import { formatTable, printable, type Column } from './table.js';

/** A graph before and after its passes. Sizes in bytes. */
export interface ShrunkFile {
  readonly file: string;
  readonly nodes: number;
  readonly before: Measurement;
  readonly after: Measurement;
  /** What no order of the nodes can go below. */
  readonly orderBound: number;
  /** Whether the order is proven to be the best. */
  readonly orderOptimal: boolean;
  /** The bytes that there are; null if nobody said. */
  readonly budget: number | null;
  /** What the graph costs more than before. */
  readonly cost: FitCost;
  /** The sizes that were reached, and what each costs. */
  readonly frontier: readonly FitPoint[];
}

/** Whether the buffer keeps to the budget; null without one. */
export function fitsBudget({ after, budget }: ShrunkFile): boolean | null {
  return budget === null ? null : after.bufferSize <= budget;
}

/** The fields of the command's JSON output, in their order. */
export function shrunkFileJson(shrunk: ShrunkFile): object {
  const { file, nodes, before, after, orderBound, orderOptimal, cost, frontier } = shrunk;
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
  const { file, before, after, cost } = shrunk;
  const columns: Column<Row>[] = [
    { title: '', cell: ({ what }) => what },
    { title: 'compute buffer', cell: ({ measurement }) => exactBytes(measurement.bufferSize), align: 'right' },
    { title: 'gap', cell: ({ measurement }) => gapText(measurement.bufferSize, measurement.lowerBound), spare: 1 },
  ];
  const rows = [
    { what: 'order as given', measurement: before },
    { what: cost.extraOps > 0 ? 'values computed again' : 'best order', measurement: after },
  ];
  const table = formatTable(columns, rows, style.faint, room ?? undefined);
  const lines = [
    style.strong(printable(file)),
    '',
    ...table,
    '',
    cost.extraOps > 0 ? describeCost(shrunk) : describeOrder(shrunk),
    ...describeBudget(shrunk, style),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function describeCost({ before, after, cost }: ShrunkFile): string {
  const saved = ((100 * (before.bufferSize - after.bufferSize)) / before.bufferSize).toFixed(1);
  return `It needs ${saved} % less, for ${(100 * cost.extraOps).toFixed(2)} % more operations.`;
}

function describeOrder({ before, after, nodes, orderBound, orderOptimal }: ShrunkFile): string {
  const saved = before.bufferSize - after.bufferSize;
  const bound = exactBytes(orderBound);
  if (saved > 0) {
    const percent = ((100 * saved) / before.bufferSize).toFixed(1);
    const proof = orderOptimal ? 'No other order needs less.' : `No order needs less than ${bound}.`;
    return `Another order of its ${counted(nodes, 'node')} needs ${percent} % less. ${proof}`;
  }
  return orderOptimal
    ? `No order of its ${counted(nodes, 'node')} needs less than the given one.`
    : `No better order of its ${counted(nodes, 'node')} was found; none needs less than ${bound}.`;
}

function describeBudget(shrunk: ShrunkFile, style: Style): string[] {
  const { budget, orderBound } = shrunk;
  const fits = fitsBudget(shrunk);
  if (budget === null || fits === null) return [];
  const within = exactBytes(budget);
  if (fits) return [`${style.good('It fits')} in ${within}.`];
  if (shrunk.cost.extraOps > 0) return [`${style.bad('It does not fit')} in ${within}.`];
  const proof = orderBound > budget ? ', and no order does' : '; whether another order does was not found out';
  return [`${style.bad('It does not fit')} in ${within}${proof}.`];
}
