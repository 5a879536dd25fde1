/**
 * `tensor-arena sweep FILE…`: every combination of options, one row each.
 */
import { describeOutputs } from '../models/assumption.js';
import { gridSize, sweepModel, type SweepGrid } from '../models/sweep-model.js';
import { sweepRow } from '../report/configuration-table.js';
import { groupDigits } from '../format.js';
import { EXIT, weightiest, type ExitCode, CliError } from './cli-error.js';
import { exitCodeOf, inFile, printFailure, withFlags } from './failure.js';
import { budgetOf, gridOf, type SweepFlags } from './fit-flags.js';
import { readModelFile } from './inputs.js';
import { withProgress, type Announce } from './progress.js';
import { sweepPrinter, type SweepPrinter } from './sweep-printer.js';
import type { Terminal } from './terminal.js';

/** A longer table is of no use to anybody. */
const MAX_ROWS = 1_000_000;

/** Prints a row per file and combination as it comes; a file that cannot be measured is left out, and named. */
export async function sweep(files: readonly string[], flags: SweepFlags, terminal: Terminal): Promise<ExitCode> {
  const grid = gridOf(flags);
  const rowCount = gridSize(grid) * files.length;
  if (rowCount > MAX_ROWS) {
    throw new CliError(
      `${groupDigits(rowCount)} combinations are more than ${groupDigits(MAX_ROWS)}: give fewer values`,
    );
  }
  if (flags.csv === true && flags.json === true) throw new CliError('--csv and --json exclude each other');
  const { memory, reserve } = flags;
  if (memory === undefined && reserve !== undefined) throw new CliError('--reserve is a part of --memory: give both');
  const given = memory === undefined ? null : budgetOf(memory, reserve);
  const print = sweepPrinter(files, grid, given, flags, terminal);
  const codes: ExitCode[] = [];
  // On a terminal the rows themselves show how far it is.
  const watched = { ...terminal, isWatched: terminal.isWatched && terminal.columns === null };
  await withProgress(watched, files, rowCount, async (announce) => {
    for (const file of files) {
      try {
        await inFile(file, () => sweepFile(file, grid, announce, print.row));
      } catch (error) {
        printFailure(terminal, error);
        codes.push(exitCodeOf(error));
      }
    }
  });
  print.end();
  return weightiest([...codes, print.anyFits() ? EXIT.done : EXIT.no]);
}

async function sweepFile(file: string, grid: SweepGrid, announce: Announce, print: SweepPrinter['row']): Promise<void> {
  const gguf = await readModelFile(file);
  for (const row of sweepModel(gguf, grid)) {
    const { refusal, ...rest } = sweepRow(file, row);
    const assumption = row.refusal === null ? describeOutputs(row.run) : null;
    print({ ...rest, refusal: refusal === null ? null : withFlags(refusal) }, assumption);
    announce(`measuring ${file}`);
  }
}
