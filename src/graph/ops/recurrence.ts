/**
 * Recurrent layers: state-space models and linear attention. The new states follow the output in one result.
 *
 * Behaviour as in ggml's constructors `ggml_ssm_conv`, `ggml_ssm_scan`, `ggml_rwkv_wkv6`, `ggml_rwkv_wkv7`,
 * `ggml_gated_linear_attn`, `ggml_gated_delta_net`. Output and states have no operand's layout: nothing is overwritten.
 */
import { checkOptions, type OptionNames } from '../../errors.js';
import { elementCount } from '../../tensor/shape.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import {
  badOperand,
  defineOperation,
  describeStrides,
  operand,
  requireOperand,
  type Result,
  type Sources,
} from '../operation.js';
import { Applier } from './applier.js';
import { ANY, f32, requireContiguous, requireDenseRows, requireIntegers, requireNe, requireType } from './rules.js';

const SSM_CONV = defineOperation({
  name: 'SSM_CONV',
  result: (sources) => {
    const x = operand(sources, 0, 'SSM_CONV');
    const kernel = operand(sources, 1, 'SSM_CONV');
    requireNe('SSM_CONV', 'kernel', kernel, [ANY, ANY, 1, 1]);
    requireNe('SSM_CONV', 'x', x, [ANY, kernel.ne[1], ANY, 1]);
    const tokens = x.ne[0] - kernel.ne[0] + 1;
    requireOperand(tokens >= 0, 'SSM_CONV', 'x', x, `of a length of at least ${kernel.ne[0] - 1}`);
    return f32([kernel.ne[1], tokens, x.ne[2], 1]);
  },
});

function requirePackedRows(op: string, what: string, tensor: Tensor): void {
  const { type, ne, nb } = tensor;
  const packed = nb[0] === type.blockBytes && nb[1] === ne[0] * nb[0];
  const limit = 'made of dense rows without gaps between them';
  if (!packed) badOperand(op, what, describeStrides(tensor), limit, 'Apply cont() to it first.');
}

const SSM_SCAN = defineOperation<Params & { snapshots: number }>({
  name: 'SSM_SCAN',
  result: (sources, { snapshots }) => {
    const op = 'SSM_SCAN';
    const [state, x, dt, a] = [0, 1, 2, 3].map((slot) => operand(sources, slot, op)) as [
      Tensor,
      Tensor,
      Tensor,
      Tensor,
    ];
    const [b, c, ids] = [4, 5, 6].map((slot) => operand(sources, slot, op)) as [Tensor, Tensor, Tensor];
    requireIntegers(op, { snapshots }, 1);
    for (const [what, tensor] of Object.entries({ state, dt, a })) requireContiguous(op, what, tensor);
    for (const [what, tensor] of Object.entries({ x, b, c })) requirePackedRows(op, what, tensor);
    requireNe(op, 'c', c, b.ne);
    requireType(op, 'ids', ids, 'i32');
    const [headSize, heads, tokens, sequences] = x.ne;
    const stateSize = state.ne[0];
    requireNe(op, 'dt', dt, [heads, tokens, sequences, 1]);
    requireNe(op, 'state', state, [ANY, headSize, heads, ANY]);
    requireNe(op, 'b', b, [stateSize, ANY, tokens, sequences]);
    requireNe(op, 'ids', ids, [sequences, 1, 1, 1]);
    // One decay per head, or one per state element (Mamba-1), which keeps no snapshots.
    const decay = a.ne[0] !== 1 ? stateSize : 1;
    requireNe(op, 'a', a, [decay, heads, 1, 1]);
    requireOperand(a.ne[0] === 1 || snapshots === 1, op, 'a', a, 'one decay per head to keep several snapshots');
    return f32([elementCount(x) + snapshots * stateSize * headSize * heads * sequences, 1, 1, 1]);
  },
});

/** Operands of `[size, heads, tokens]`, and a state of `size × size × heads` elements per sequence (dimension 1). */
function linearAttention(op: string, sources: Sources, names: readonly string[], shaped: readonly string[]): Result {
  const named = names.map((what, slot) => [what, operand(sources, slot, op)] as const);
  for (const [what, tensor] of named) requireContiguous(op, what, tensor);
  const [size, heads, tokens] = operand(sources, names.indexOf('k'), op).ne;
  for (const [what, tensor] of named)
    if (shaped.includes(what)) requireNe(op, what, tensor, [size, heads, tokens, ANY]);
  const state = operand(sources, names.indexOf('state'), op);
  const sequences = state.ne[1];
  const stateCount = size * size * heads * sequences;
  requireOperand(elementCount(state) === stateCount, op, 'state', state, `of ${stateCount} elements`);
  return f32([size * heads, tokens + size * sequences, 1, 1]);
}

const RWKV_WKV6 = defineOperation({
  name: 'RWKV_WKV6',
  result: (sources) => linearAttention('RWKV_WKV6', sources, ['k', 'v', 'r', 'tf', 'td', 'state'], ['v', 'r', 'td']),
});

const RWKV_WKV7 = defineOperation({
  name: 'RWKV_WKV7',
  result: (sources) =>
    linearAttention('RWKV_WKV7', sources, ['r', 'w', 'k', 'v', 'a', 'b', 'state'], ['w', 'v', 'a', 'b']),
});

const GATED_LINEAR_ATTN = defineOperation<Params & { scale: number }>({
  name: 'GATED_LINEAR_ATTN',
  result: (sources) => linearAttention('GATED_LINEAR_ATTN', sources, ['k', 'v', 'q', 'g', 'state'], ['v', 'q', 'g']),
});

const GATED_DELTA_NET = defineOperation<Params & { snapshots: number }>({
  name: 'GATED_DELTA_NET',
  result: (sources, { snapshots }) => {
    const op = 'GATED_DELTA_NET';
    const [q, k, v] = [0, 1, 2].map((slot) => operand(sources, slot, op)) as [Tensor, Tensor, Tensor];
    const [gate, beta, state] = [3, 4, 5].map((slot) => operand(sources, slot, op)) as [Tensor, Tensor, Tensor];
    for (const [what, tensor] of Object.entries({ q, k, v })) {
      requireDenseRows(op, what, tensor);
    }
    for (const [what, tensor] of Object.entries({ gate, beta, state })) requireContiguous(op, what, tensor);
    for (const [what, tensor] of Object.entries({ q, k, v, gate, beta, state })) requireType(op, what, tensor, 'f32');
    const [size, heads, tokens, sequences] = v.ne;
    const isGate = gate.ne[0] === 1 || gate.ne[0] === size;
    requireOperand(isGate, op, 'gate', gate, `of length 1 or ${size} in dimension 0`);
    requireNe(op, 'beta', beta, [1, ANY, ANY, ANY]);
    requireNe(op, 'state', state, [size, size, heads, sequences]);
    requireIntegers(op, { snapshots }, 1);
    return f32([size * heads, tokens * sequences + snapshots * size * sequences, 1, 1]);
  },
});

/** The rows of this family. */
export const RECURRENCE_OPERATIONS = [SSM_CONV, SSM_SCAN, RWKV_WKV6, RWKV_WKV7, GATED_LINEAR_ATTN, GATED_DELTA_NET];

/** How many states are kept. */
export interface SnapshotOptions {
  /** States of the last tokens that follow the output; 1 keeps the final one alone. Default 1. */
  readonly snapshots?: number;
}

const SNAPSHOT_OPTIONS: OptionNames<SnapshotOptions> = { snapshots: true };

function snapshotParams(op: string, options: SnapshotOptions): { snapshots: number } {
  checkOptions(options, SNAPSHOT_OPTIONS, op);
  return { snapshots: options.snapshots ?? 1 };
}

/** Recurrent layers. */
export abstract class RecurrenceOps extends Applier {
  /**
   * Convolution along the tokens, per channel: f32 `[channels, tokens, sequences]`.
   *
   * @param x `[width - 1 + tokens, channels, sequences]`: the last state, then the tokens
   * @param kernel `[width, channels]`
   * @throws PlannerError `BAD_OPERAND`
   */
  ssmConv(x: Tensor, kernel: Tensor): Tensor {
    return this.apply(SSM_CONV, [x, kernel]);
  }

  /**
   * The selective scan of a state-space model: f32, one dimension, the outputs (as many as `x` has elements) and then
   * the new states.
   *
   * @param state contiguous `[n, head, heads, cells]`
   * @param x `[head, heads, tokens, sequences]`
   * @param dt contiguous `[heads, tokens, sequences]`
   * @param a contiguous `[1 or n, heads]`
   * @param b `[n, groups, tokens, sequences]`
   * @param c of the shape of `b`
   * @param ids i32 `[sequences]`: the cell of `state` that each sequence starts from
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  ssmScan(
    state: Tensor,
    x: Tensor,
    dt: Tensor,
    a: Tensor,
    b: Tensor,
    c: Tensor,
    ids: Tensor,
    options: SnapshotOptions = {},
  ): Tensor {
    return this.apply(SSM_SCAN, [state, x, dt, a, b, c, ids], snapshotParams('SSM_SCAN', options));
  }

  /**
   * Time mixing of RWKV 6: f32 `[size × heads, tokens + size × sequences]`, outputs and then states.
   *
   * @param k contiguous `[size, heads, tokens]`, as are `v`, `r` (receptance) and `td` (decay); `tf` is the bonus
   * @param state contiguous, `sequences` in dimension 1
   * @throws PlannerError `BAD_OPERAND`
   */
  rwkvWkv6(k: Tensor, v: Tensor, r: Tensor, tf: Tensor, td: Tensor, state: Tensor): Tensor {
    return this.apply(RWKV_WKV6, [k, v, r, tf, td, state]);
  }

  /**
   * Time mixing of RWKV 7: f32 `[size × heads, tokens + size × sequences]`, outputs and then states.
   *
   * @param k contiguous `[size, heads, tokens]`, as are `r`, `w`, `v`, `a` and `b`
   * @param state contiguous, `sequences` in dimension 1
   * @throws PlannerError `BAD_OPERAND`
   */
  rwkvWkv7(r: Tensor, w: Tensor, k: Tensor, v: Tensor, a: Tensor, b: Tensor, state: Tensor): Tensor {
    return this.apply(RWKV_WKV7, [r, w, k, v, a, b, state]);
  }

  /**
   * Gated linear attention: f32 `[size × heads, tokens + size × sequences]`, outputs and then states.
   *
   * @param k contiguous `[size, heads, tokens]`, as are `v`, `q` and the gate `g`
   * @param state contiguous, `sequences` in dimension 1
   * @throws PlannerError `BAD_OPERAND`
   */
  gatedLinearAttn(k: Tensor, v: Tensor, q: Tensor, g: Tensor, state: Tensor, scale: number): Tensor {
    return this.apply(GATED_LINEAR_ATTN, [k, v, q, g, state], { scale });
  }

  /**
   * The gated delta rule: f32 `[size × heads, (tokens + snapshots × size) × sequences]`, outputs and then states.
   * Everything is f32.
   *
   * @param v `[size, heads, tokens, sequences]`, of dense rows as `q` and `k`
   * @param gate contiguous `[1 or size, …]`
   * @param beta contiguous `[1, …]`
   * @param state contiguous `[size, size, heads, sequences]`
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  gatedDeltaNet(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gate: Tensor,
    beta: Tensor,
    state: Tensor,
    options: SnapshotOptions = {},
  ): Tensor {
    return this.apply(GATED_DELTA_NET, [q, k, v, gate, beta, state], snapshotParams('GATED_DELTA_NET', options));
  }
}
