/**
 * A model with many sets of options: every combination of the values that a grid lists.
 *
 * Invariant: rows come in the order of nested loops, the first option of the grid outermost. The header is read once.
 */
import { checkArgument, checkOptions, PlannerError } from '../errors.js';
import type { Gguf } from '../gguf/types.js';
import { configure, type ModelConfiguration } from './configuration.js';
import { readModel } from './model-graph.js';
import { SIZE_OPTIONS, type ModelOptions } from './options.js';

/** The values to try for each option; options that are left out have their defaults. */
export type SweepGrid = { readonly [Option in keyof Omit<ModelOptions, 'phase'>]?: readonly ModelOptions[Option][] };

/** One combination: its sizes, or why llama.cpp would refuse it. */
export type SweepRow = (ModelConfiguration & { readonly refusal: null }) | RefusedConfiguration;

/** A combination that can't be run, such as quantised values without flash attention. */
export interface RefusedConfiguration {
  readonly options: ModelOptions;
  readonly refusal: PlannerError;
}

/** How many combinations a grid has; 0 if an option has no value. @throws PlannerError `BAD_ARGUMENT` */
export function gridSize(grid: SweepGrid): number {
  checkOptions(grid, SIZE_OPTIONS, 'grid');
  for (const [option, values] of Object.entries(grid)) {
    checkArgument(
      Array.isArray(values),
      `grid.${option}`,
      values,
      'a list of values',
      'Put even one value into a list.',
    );
  }
  return Object.values(grid).reduce((product, values) => product * values.length, 1);
}

/**
 * Measures every combination of a grid, one at a time, so that a caller can show progress or stop. A few milliseconds
 * each.
 *
 * @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL`; `BAD_ARGUMENT` for a grid with an unknown option. A refused
 * combination is a row, not an error
 *
 * @example
 * ```ts
 * import { gridSize, sweepModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const grid = { ctxSize: [2048, 4096], flashAttention: [true, false] };
 * console.log(gridSize(grid)); // 4
 * for (const row of sweepModel(await readGguf('examples/phi-3-mini-4k.gguf'), grid)) {
 *   if (row.refusal === null) console.log(row.run.contextSize, row.run.flashAttention, row.total);
 * }
 * ```
 */
export function* sweepModel(gguf: Gguf, grid: SweepGrid): Generator<SweepRow, void, undefined> {
  const header = readModel(gguf);
  for (const options of combinations(grid)) {
    try {
      const { run, ...sizes } = configure(options, header.withOptions(options));
      const { weights, context, compute, total, isRecurrent } = sizes;
      yield { options, run, weights, context, compute, total, isRecurrent, refusal: null };
    } catch (error) {
      if (!isRefusal(error)) throw error;
      yield { options, refusal: error };
    }
  }
}

function isRefusal(error: unknown): error is PlannerError {
  return error instanceof PlannerError && (error.code === 'BAD_ARGUMENT' || error.code === 'BYTES_TOO_LARGE');
}

function* combinations(grid: SweepGrid): Generator<ModelOptions, void, undefined> {
  const count = gridSize(grid);
  const entries = Object.entries(grid) as [keyof SweepGrid, readonly unknown[]][];
  for (let index = 0; index < count; index++) {
    const options: Partial<Record<keyof SweepGrid, unknown>> = {};
    let rest = index;
    for (const [option, values] of [...entries].reverse()) {
      options[option] = values[rest % values.length];
      rest = Math.floor(rest / values.length);
    }
    yield options as ModelOptions;
  }
}
