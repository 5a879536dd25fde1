/**
 * `tensor-arena sweep FILE…`: every combination of options, one row each.
 */
import { gridSize, sweepModel, type SweepGrid } from '../models/sweep-model.js';
import {
  formatConfigurations,
  formatConfigurationsCsv,
  sweepRow,
  type ConfigurationRow,
} from '../report/configuration-table.js';
import { counted, groupDigits } from '../report/format.js';
import { weightiest, type ExitCode } from './exit-code.js';
import { CliError, exitCodeOf, inFile, printFailure, withFlags } from './failure.js';
import { gridOf, type SweepFlags } from './fit-flags.js';
import { readModelFile } from './inputs.js';
import { withProgress, type Announce } from './progress.js';
import type { Terminal } from './terminal.js';

/** All rows are kept until they are printed. */
const MAX_ROWS = 1_000_000;

/** Prints a row per file and combination; a file that cannot be measured is left out, and named. */
export async function sweep(files: readonly string[], flags: SweepFlags, terminal: Terminal): Promise<ExitCode> {
  const grid = gridOf(flags);
  const rowCount = gridSize(grid) * files.length;
  if (rowCount > MAX_ROWS) {
    throw new CliError(
      `${groupDigits(rowCount)} combinations are more than ${groupDigits(MAX_ROWS)}: give fewer values`,
    );
  }
  if (flags.csv === true && flags.json === true) throw new CliError('--csv and --json exclude each other');
  const failures: unknown[] = [];
  const rows = await withProgress(terminal, files, rowCount, async (announce) => {
    const all: ConfigurationRow[] = [];
    for (const file of files) {
      try {
        for (const row of await inFile(file, () => sweepFile(file, grid, announce))) all.push(row);
      } catch (error) {
        failures.push(error);
      }
    }
    return all;
  });
  for (const failure of failures) printFailure(terminal, failure);
  if (rows.length > 0) terminal.write(formatRows(rows, flags, terminal));
  return weightiest(failures.map(exitCodeOf));
}

async function sweepFile(file: string, grid: SweepGrid, announce: Announce): Promise<ConfigurationRow[]> {
  const gguf = await readModelFile(file);
  const rows: ConfigurationRow[] = [];
  for (const row of sweepModel(gguf, grid)) {
    const { refusal, ...rest } = sweepRow(file, row);
    rows.push({ ...rest, refusal: refusal === null ? null : withFlags(refusal) });
    announce(`measuring ${file}`);
  }
  return rows;
}

function formatRows(
  rows: readonly ConfigurationRow[],
  { json, csv }: SweepFlags,
  { style, columns }: Terminal,
): string {
  if (json === true) return `${JSON.stringify(rows, null, 2)}\n`;
  if (csv === true) return formatConfigurationsCsv(rows);
  const refused = rows.filter(({ refusal }) => refusal !== null).length;
  const summary = `${counted(rows.length, 'configuration')}${refused > 0 ? `, ${groupDigits(refused)} refused` : ''}`;
  return `${formatConfigurations(rows, style, columns)}${style.faint(summary)}\n`;
}
