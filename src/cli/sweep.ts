/**
 * `tensor-arena sweep FILE…`: every combination of options, one row each.
 */
import { describeOutputs } from '../models/assumption.js';
import { gridSize, sweepModel, type MachineGrid, type SweepGrid } from '../models/sweep-model.js';
import { sweepRow } from '../report/configuration-table.js';
import { groupDigits } from '../format.js';
import { EXIT, weightiest, type ExitCode, CliError } from './cli-error.js';
import { exitCodeOf, inFile, printFailure, withFlags } from './failure.js';
import { budgetOf, gridOf, machineGridOf, type SweepFlags } from './fit-flags.js';
import { readModelFile } from './inputs.js';
import { withProgress, type Announce } from './progress.js';
import { sweepPrinter, type SweepPrinter } from './sweep-printer.js';
import type { Terminal } from './terminal.js';
import { noteWithoutGpu } from './unused-flags.js';

/** A longer table is of no use to anybody. */
const MAX_ROWS = 1_000_000;

/** Prints a row per file and combination as it comes; a file that cannot be measured is left out, and named. */
export async function sweep(files: readonly string[], flags: SweepFlags, terminal: Terminal): Promise<ExitCode> {
  const grid = flags.gpu === undefined ? gridOf(flags) : await openMachine(flags.gpu, flags);
  const rowCount = gridSize(grid) * files.length;
  if (rowCount > MAX_ROWS) {
    throw new CliError(
      `${groupDigits(rowCount)} combinations are more than ${groupDigits(MAX_ROWS)}: give fewer values`,
    );
  }
  if (flags.csv === true && flags.json === true) throw new CliError('--csv and --json exclude each other');
  const { memory, reserve } = flags;
  if (memory === undefined && reserve !== undefined) throw new CliError('--reserve is a part of --memory: give both');
  if (flags.gpu === undefined) noteWithoutGpu(flags, terminal);
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

/** The values to try on a machine, whose memory is that of its devices. */
async function openMachine(gpu: readonly string[], flags: SweepFlags): Promise<MachineGrid> {
  const budget = (['memory', 'reserve'] as const).filter((key) => flags[key] !== undefined).map((key) => `--${key}`);
  if (budget.length > 0)
    throw new CliError(
      `${budget.join(' and ')} must be left out with --gpu: what is free is written as --gpu cuda:24GiB/22GiB`,
    );
  const { machineOf } = await import('./machine.js');
  return machineGridOf(machineOf(gpu), flags);
}

async function sweepFile(
  file: string,
  grid: SweepGrid | MachineGrid,
  announce: Announce,
  print: SweepPrinter['row'],
): Promise<void> {
  const gguf = await readModelFile(file);
  const rows = 'devices' in grid ? sweepModel(gguf, grid) : sweepModel(gguf, grid);
  for (const row of rows) {
    const { refusal, ...rest } = sweepRow(file, row);
    const assumption = row.refusal === null ? describeOutputs(row.run) : null;
    print({ ...rest, refusal: refusal === null ? null : withFlags(refusal) }, assumption);
    announce(`measuring ${file}`);
  }
}
