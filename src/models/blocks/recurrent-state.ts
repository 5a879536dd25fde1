/**
 * Fetches the state of each sequence before a layer changes it.
 *
 * Invariant: the order of operations and graph entries is that of llama.cpp's `build_rs`.
 */
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
  const { ctx } = s;
  s.expand(ctx.cpy(rows, ctx.view(state, [state.ne[0], s.model.batch.sequences], [state.nb[1]])));
}
