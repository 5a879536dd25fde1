/**
 * Prints the rows of a sweep one by one, as a table, as CSV or as JSON.
 *
 * Invariant: nothing is printed before the first row, and every row at once.
 */
import type { MachineGrid, SweepGrid } from '../models/sweep-model.js';
import { NOT_COUNTED } from '../report/machine-report.js';
import { BACKEND_NOTE, describeAssumptions } from '../report/model-words.js';
import { configurationCsv, configurationLayout, type ConfigurationRow } from '../report/configuration-table.js';
import type { Budget } from '../report/fit-report.js';
import { counted, groupDigits } from '../format.js';
import type { TableLayout } from '../report/table.js';
import type { SweepFlags } from './fit-flags.js';
import type { Terminal } from './terminal.js';

export interface SweepPrinter {
  /** @param assumption what the row takes for granted; null if nothing was measured */
  readonly row: (row: ConfigurationRow, assumption: string | null) => void;
  /** Prints what stands below the rows. */
  readonly end: () => void;
  /** Whether a row fits the budget; true without a budget. */
  readonly anyFits: () => boolean;
}

export function sweepPrinter(
  files: readonly string[],
  grid: SweepGrid | MachineGrid,
  given: Budget | null,
  { json, csv }: SweepFlags,
  terminal: Terminal,
): SweepPrinter {
  const { write } = terminal;
  const format =
    json === true
      ? jsonRows()
      : csv === true
        ? csvRows(given !== null, 'devices' in grid ? grid.devices[0].map(({ name }) => name) : [])
        : tableRows(files, grid, terminal);
  let fitting = 0;
  let count = 0;
  let refused = 0;
  const assumptions = new Set<string>();
  return {
    row: (row, assumption) => {
      if (assumption !== null) assumptions.add(assumption);
      const isWithin = given === null || row.total === null ? undefined : row.total <= given.memory - given.reserve;
      const fits = row.devices === undefined ? isWithin : (row.fits ?? false);
      if (fits !== false) fitting++;
      if (row.refusal !== null) refused++;
      write(format.row(given === null ? row : { ...row, fits: fits ?? null }, count++));
    },
    end: () => {
      if (count > 0) write(format.end(count, refused, assumptions));
    },
    anyFits: () => fitting > 0 || count === 0,
  };
}

interface RowFormat {
  readonly row: (row: ConfigurationRow, index: number) => string;
  readonly end: (count: number, refused: number, assumptions: ReadonlySet<string>) => string;
}

function jsonRows(): RowFormat {
  return {
    row: (row, index) => `${index === 0 ? '[' : ','}\n${JSON.stringify(row, null, 2).replace(/^/gm, '  ')}`,
    end: () => '\n]\n',
  };
}

function csvRows(hasBudget: boolean, devices: readonly string[]): RowFormat {
  const { titles, line } = configurationCsv(hasBudget, devices);
  return { row: (row, index) => (index === 0 ? titles : '') + line(row), end: () => '' };
}

function tableRows(files: readonly string[], grid: SweepGrid | MachineGrid, { style, columns }: Terminal): RowFormat {
  let layout: TableLayout<ConfigurationRow> | undefined;
  return {
    row: (row) => {
      if (layout !== undefined) return `${layout.line(row)}\n`;
      layout = configurationLayout(examplesOf(row, files, grid), style, columns);
      return `${layout.titles}\n${layout.line(row)}\n`;
    },
    end: (count, refused, assumptions) => {
      const summary = `${counted(count, 'configuration')}${refused > 0 ? `, ${groupDigits(refused)} refused` : ''}`;
      const note = 'devices' in grid ? NOT_COUNTED : BACKEND_NOTE;
      const lines = [summary, ...describeAssumptions(assumptions), note];
      return lines.map((line) => `${style.faint(line)}\n`).join('');
    },
  };
}

/** As wide as sizes are printed. */
const WIDE_SIZE = 1023.9 * 1024 ** 2;
const WIDE_TOTAL = 1023.9 * 1024 ** 3;

/** Rows that are as wide as any that may come, and that differ where these may. */
function examplesOf(
  first: ConfigurationRow,
  files: readonly string[],
  grid: SweepGrid | MachineGrid,
): ConfigurationRow[] {
  const widest = {
    ...first,
    weights: WIDE_SIZE,
    context: WIDE_SIZE,
    compute: WIDE_SIZE,
    total: Math.floor(WIDE_TOTAL),
    ...('devices' in grid
      ? { devices: grid.devices[0].map((device) => ({ ...device, total: WIDE_SIZE })), fits: false }
      : {}),
    refusal: ' ',
  };
  // What the models of other files remember is not known yet: the title says both.
  const isRecurrent = files.length > 1 ? first.isRecurrent !== true : first.isRecurrent;
  const examples: ConfigurationRow[] = [widest, ...files.map((file) => ({ ...widest, file, isRecurrent }))];
  const vary = <V>(values: readonly V[] | undefined, change: (value: V) => Partial<ConfigurationRow>): void => {
    for (const value of values ?? []) examples.push({ ...widest, ...change(value) });
  };
  vary(grid.ctxSize, (contextSize) => (contextSize === 0 ? {} : { contextSize }));
  vary(grid.ubatchSize, (ubatchSize) => (ubatchSize === 0 ? {} : { ubatchSize }));
  vary(grid.parallel, (sequences) => (sequences === undefined ? {} : { sequences }));
  vary(grid.kvUnified, (kvUnified) => ({ kvUnified }));
  vary(grid.swaFull, (swaFull) => ({ swaFull }));
  vary(grid.flashAttention, (value) => ({ flashAttention: value !== false }));
  vary(grid.cacheTypeK, (cacheTypeK) => ({ cacheTypeK }));
  vary(grid.cacheTypeV, (cacheTypeV) => ({ cacheTypeV }));
  if ('devices' in grid) {
    for (const gpuLayers of grid.gpuLayers ?? [])
      examples.push({ ...widest, offload: { ...widest.offload, gpuLayers } });
    for (const nCpuMoe of grid.nCpuMoe ?? []) examples.push({ ...widest, offload: { ...widest.offload, nCpuMoe } });
  }
  return examples;
}
