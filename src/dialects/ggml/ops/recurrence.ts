/**
 * Recurrent layers: state-space models and linear attention. The new states follow the output in one result.
 *
 * Behaviour as in ggml's constructors `ggml_ssm_conv`, `ggml_ssm_scan`, `ggml_rwkv_wkv6`, `ggml_rwkv_wkv7`,
 * `ggml_gated_linear_attn`, `ggml_gated_delta_net`. Output and states have no operand's layout: nothing is overwritten.
 */
import type { OptionNames } from '../../../errors.js';
import { elementCount } from '../../../tensor/layout.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf, type Result } from '../row.js';
import { ANY, type Operands } from '../operands.js';
import { checkSettings, f32, numbers, requireIntegers, type Named } from './rules.js';
import { Applier } from './applier.js';

const define = rowsOf('recurrence');

export const SSM_CONV = define({
  name: 'SSM_CONV',
  operands: ['x', 'kernel'],
  result: (o) => {
    const [x, kernel] = [o.tensor('x'), o.tensor('kernel')];
    o.requireNe('kernel', [ANY, ANY, 1, 1]);
    o.requireNe('x', [ANY, kernel.ne[1], ANY, 1]);
    const tokens = x.ne[0] - kernel.ne[0] + 1;
    o.require(tokens >= 0, 'x', `of a length of at least ${kernel.ne[0] - 1}`);
    return f32([kernel.ne[1], tokens, x.ne[2], 1]);
  },
});

function requirePackedRows(o: Operands, name: string): void {
  const { type, ne, nb } = o.tensor(name);
  const isPacked = nb[0] === type.blockBytes && nb[1] === ne[0] * nb[0];
  o.requireStrides(isPacked, name, 'made of dense rows without gaps between them');
}

export const SSM_SCAN = define<OperationParams & { snapshots: number }>({
  name: 'SSM_SCAN',
  operands: ['state', 'x', 'dt', 'a', 'b', 'c', 'ids'],
  result: (o, { snapshots }) => {
    const [state, x, a, b] = [o.tensor('state'), o.tensor('x'), o.tensor('a'), o.tensor('b')];
    requireIntegers(o, { snapshots }, 1);
    for (const name of ['state', 'dt', 'a']) o.requireContiguous(name);
    for (const name of ['x', 'b', 'c']) requirePackedRows(o, name);
    o.requireNe('c', b.ne);
    o.requireType('ids', 'i32');
    const [headSize, heads, tokens, sequences] = x.ne;
    const stateSize = state.ne[0];
    o.requireNe('dt', [heads, tokens, sequences, 1]);
    o.requireNe('state', [ANY, headSize, heads, ANY]);
    o.requireNe('b', [stateSize, ANY, tokens, sequences]);
    o.requireNe('ids', [sequences, 1, 1, 1]);
    // One decay per head, or one per state element (Mamba-1), which keeps no snapshots.
    const decay = a.ne[0] !== 1 ? stateSize : 1;
    o.requireNe('a', [decay, heads, 1, 1]);
    o.require(a.ne[0] === 1 || snapshots === 1, 'a', 'one decay per head to keep several snapshots');
    return f32([elementCount(x) + snapshots * stateSize * headSize * heads * sequences, 1, 1, 1]);
  },
});

/** Operands of `[size, heads, tokens]`, and a state of `size × size × heads` elements per sequence (dimension 1). */
function linearAttention(o: Operands, shaped: readonly string[]): Result {
  for (const name of o.operation.operands) o.requireContiguous(name);
  const [size, heads, tokens] = o.tensor('k').ne;
  for (const name of shaped) o.requireNe(name, [size, heads, tokens, ANY]);
  const state = o.tensor('state');
  const sequences = state.ne[1];
  const stateCount = size * size * heads * sequences;
  o.require(elementCount(state) === stateCount, 'state', () => `of ${stateCount} elements`);
  return f32([size * heads, tokens + size * sequences, 1, 1]);
}

export const RWKV_WKV6 = define({
  name: 'RWKV_WKV6',
  operands: ['k', 'v', 'r', 'tf', 'td', 'state'],
  result: (o) => linearAttention(o, ['v', 'r', 'td']),
});

export const RWKV_WKV7 = define({
  name: 'RWKV_WKV7',
  operands: ['r', 'w', 'k', 'v', 'a', 'b', 'state'],
  result: (o) => linearAttention(o, ['w', 'v', 'a', 'b']),
});

export const GATED_LINEAR_ATTN = define<OperationParams & { scale: number }>({
  name: 'GATED_LINEAR_ATTN',
  operands: ['k', 'v', 'q', 'g', 'state'],
  result: (o) => linearAttention(o, ['v', 'q', 'g']),
});

export const GATED_DELTA_NET = define<OperationParams & { snapshots: number }>({
  name: 'GATED_DELTA_NET',
  operands: ['q', 'k', 'v', 'gate', 'beta', 'state'],
  result: (o, { snapshots }) => {
    const [v, gate] = [o.tensor('v'), o.tensor('gate')];
    for (const name of ['q', 'k', 'v']) o.requireDenseRows(name);
    for (const name of ['gate', 'beta', 'state']) o.requireContiguous(name);
    for (const name of o.operation.operands) o.requireType(name, 'f32');
    const [size, heads, tokens, sequences] = v.ne;
    const isGate = gate.ne[0] === 1 || gate.ne[0] === size;
    o.require(isGate, 'gate', `of length 1 or ${size} in dimension 0`);
    o.requireNe('beta', [1, ANY, ANY, ANY]);
    o.requireNe('state', [size, size, heads, sequences]);
    requireIntegers(o, { snapshots }, 1);
    return f32([size * heads, tokens * sequences + snapshots * size * sequences, 1, 1]);
  },
});

/** The rows of this family. */
export const RECURRENCE_OPERATIONS = [SSM_CONV, SSM_SCAN, RWKV_WKV6, RWKV_WKV7, GATED_LINEAR_ATTN, GATED_DELTA_NET];

/** The number of states that are kept. */
export interface SnapshotOptions {
  /** States of the last tokens that follow the output; 1 keeps the final one alone. Default 1. */
  readonly snapshots?: number;
}

const SNAPSHOT_OPTIONS: OptionNames<SnapshotOptions> = { snapshots: true };

function snapshotParams(row: Named, options: SnapshotOptions): { snapshots: number } {
  checkSettings(options, SNAPSHOT_OPTIONS, row);
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
    return this.apply(SSM_SCAN, [state, x, dt, a, b, c, ids], snapshotParams(SSM_SCAN, options));
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
    return this.apply(GATED_LINEAR_ATTN, [k, v, q, g, state], numbers(GATED_LINEAR_ATTN, { scale }));
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
    return this.apply(GATED_DELTA_NET, [q, k, v, gate, beta, state], snapshotParams(GATED_DELTA_NET, options));
  }
}
