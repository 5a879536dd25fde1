/**
 * Fetches the state of each sequence before a layer changes it.
 *
 * Invariant: the order of operations and graph entries is that of llama.cpp's `build_rs`.
 */
import { rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { ModelBuilder, Scope } from '../model-builder.js';

/** The rows that the states of sequences come from. */
export interface StateInputs {
  /** Rows of the sequences of this batch. */
  readonly rows: Tensor;
  /** Rows of all other sequences, whose states only move. */
  readonly otherRows: Tensor;
}

export function stateInputs(m: ModelBuilder): StateInputs {
  const { ctx, batch } = m;
  const cells = m.memory.state!.sequences;
  const all = m.input('i32', [cells]);
  return {
    rows: ctx.view(all, [batch.sequences]),
    otherRows: ctx.view(all, [cells - batch.sequences], [], batch.sequences * all.nb[0]),
  };
}

/**
 * The states of the batch's sequences out of `state`, or the result of `read` on them. The state of a new sequence is
 * cleared before the states are read; the states of all other sequences move to their places after that.
 */
export function fetchState(
  s: Scope,
  { rows, otherRows }: StateInputs,
  state: Tensor,
  read: (states: Tensor, rows: Tensor) => Tensor = (states, ids) => s.ctx.getRows(states, ids),
): Tensor {
  const { ctx } = s;
  const [length, cells] = state.ne;
  const states = ctx.reshape(state, [length, cells]);
  s.expand(ctx.scale(ctx.view(states, [length]), 0, { inPlace: true }));
  const fetched = s.expand(read(states, rows));
  const others = ctx.getRows(states, otherRows);
  const places = ctx.view(state, [length, otherRows.ne[0]], [state.nb[1]], rows.ne[0] * state.nb[1]);
  s.expand(ctx.cpy(others, places));
  return fetched;
}

/** Writes the new rows of the batch's sequences, `rows`, into `state`. */
export function storeRows(s: Scope, rows: Tensor, state: Tensor): void {
  s.expand(s.ctx.cpy(rows, placeOf(s, state, 0)));
}

/** The rows of the batch's sequences in `state`, or in the snapshot of the state so many tokens earlier. */
function placeOf({ ctx, model }: Scope, state: Tensor, earlier: number): Tensor {
  const { batch, memory } = model;
  const offset = earlier * memory.state!.sequences * state.nb[1];
  return ctx.view(state, [state.ne[0], batch.sequences], [state.nb[1]], offset);
}

/** The states that a batch leaves behind: the last one, and those of snapshots that lie within the batch. */
function stateCount({ run, batch: { tokens, sequences } }: ModelBuilder): number {
  return Math.min(tokens / sequences, 1 + run.snapshots);
}

/** How {@link storeColumns} writes. */
export interface StoreOptions {
  /** How many tokens earlier each state is, in the order of writing. Default: as many as the batch leaves behind. */
  readonly earlier?: readonly number[];
  /** Names of the columns and of their place. Default: none. */
  readonly labels?: { readonly columns: string; readonly place: string };
}

/**
 * Writes the last columns of `all`, `[columns, channels, sequences]`, into `state`, and into each snapshot those that
 * were the last so many tokens earlier.
 */
export function storeColumns(s: Scope, all: Tensor, state: Tensor, options: StoreOptions = {}): void {
  const { ctx, model } = s;
  const { earlier = Array.from({ length: stateCount(model) }, (_, index) => index), labels } = options;
  const [count, channels, sequences] = all.ne;
  const kept = state.ne[0] / channels;
  for (const back of earlier) {
    const first = Math.max(0, count - kept - back);
    const columns = ctx.view(all, [kept, channels, sequences], [all.nb[1], all.nb[2]], first * all.nb[0]);
    if (labels !== undefined) s.named(columns, labels.columns);
    const place = placeOf(s, state, back);
    if (labels !== undefined) s.named(place, labels.place);
    s.expand(ctx.cpy(columns, place));
  }
}

/** Writes the states that stand behind so many elements of `result` into `state` and its snapshots. */
export function storeStates(s: Scope, result: Tensor, first: number, state: Tensor): void {
  const { ctx, model } = s;
  const { sequences } = model.batch;
  const row = rowSize(result.type, state.ne[0]);
  const ne = [state.ne[0], sequences, stateCount(model)];
  const states = ctx.view(result, ne, [row, row * sequences], rowSize(result.type, first));
  s.expand(ctx.cpy(states, ctx.view(state, ne, [state.nb[1], model.memory.state!.sequences * row])));
}
