/**
 * The tables of what others published about the memory of training: rows of `../shared/training/public`, as printed.
 */
import { readFileSync } from 'node:fs';
import { sharedIsPresent, sharedPath } from './shared-data.js';

/** One row: column → cell. */
export type Row = Readonly<Record<string, string>>;

/** The rows of a table; none when the data is absent. */
export function readTable(name: string): Row[] {
  if (!sharedIsPresent) return [];
  const [header, ...lines] = readFileSync(sharedPath('training', 'public', `${name}.csv`), 'utf8')
    .trimEnd()
    .split('\n')
    .map(cellsOf);
  return lines.map((cells) => Object.fromEntries(header.map((column, index) => [column, cells[index] ?? ''])));
}

/** Cells of a line; a cell in quotes may have commas. */
function cellsOf(line: string): string[] {
  return [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(([, quoted, plain]) => quoted ?? plain);
}

/** What a formula of a table says, such as `4*P + 16*P/n`, for these values of its letters. */
export function evaluate(formula: string, values: Readonly<Record<string, number>>): number {
  const expression = formula.replace(/[A-Za-z]+/g, (name) => {
    const value = values[name];
    if (value === undefined) throw new Error(`The formula ${formula} has a letter ${name} without a value.`);
    return `(${value})`;
  });
  if (!/^[\d\s()+*/.e-]+$/.test(expression)) throw new Error(`${formula} is no formula.`);
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- numbers and the four operators only: see above
  const compute = new Function(`return ${expression};`) as () => number;
  return compute();
}
