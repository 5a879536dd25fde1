/**
 * Positions: ranges, embeddings of time steps, windows of an image, and relative positions.
 *
 * Behaviour as in ggml's `ggml_arange`, `ggml_timestep_embedding`, `ggml_win_part`, `ggml_win_unpart`,
 * `ggml_get_rel_pos`, `ggml_add_rel_pos`.
 */
import { ELEMENT_TYPES } from '../../../tensor/element-type.js';
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { rowsOf } from '../row.js';
import { ANY } from '../operands.js';
import { like, f32, numbers, requireArgument, requireIntegers } from './rules.js';
import { Applier, type InPlaceOption } from './applier.js';

const define = rowsOf('other');

/** Counts in 32-bit floats, as ggml does: rounding may drop the last number or add one. */
export const ARANGE = define<OperationParams & { start: number; stop: number; step: number }>({
  name: 'ARANGE',
  operands: [],
  result: (o, { start, stop, step }) => {
    requireArgument(stop > start, o, 'stop', stop, `above the start, ${start}`);
    requireArgument(step > 0, o, 'step', step, 'above 0');
    const length = Math.fround(Math.fround(stop) - Math.fround(start));
    return f32([Math.ceil(Math.fround(length / Math.fround(step))), 1, 1, 1]);
  },
});

export const TIMESTEP_EMBEDDING = define<OperationParams & { dim: number; maxPeriod: number }>({
  name: 'TIMESTEP_EMBEDDING',
  operands: ['timesteps'],
  result: (o, { dim }) => {
    requireIntegers(o, { dim }, 1);
    return f32([dim, o.tensor('timesteps').ne[0], 1, 1]);
  },
});

export const WIN_PART = define<OperationParams & { window: number }>({
  name: 'WIN_PART',
  operands: ['a'],
  result: (o, { window }) => {
    const a = o.tensor('a');
    o.requireNe('a', [ANY, ANY, ANY, 1]);
    o.requireType('a', 'f32');
    requireIntegers(o, { window }, 1);
    const windows = Math.ceil(a.ne[1] / window) * Math.ceil(a.ne[2] / window);
    return f32([a.ne[0], window, window, windows]);
  },
});

export const WIN_UNPART = define<OperationParams & { width: number; height: number; window: number }>({
  name: 'WIN_UNPART',
  operands: ['a'],
  result: (o, { width, height, window }) => {
    const a = o.tensor('a');
    o.requireType('a', 'f32');
    requireIntegers(o, { width, height, window }, 1);
    return f32([a.ne[0], width, height, 1]);
  },
});

export const GET_REL_POS = define<OperationParams & { size: number }>({
  name: 'GET_REL_POS',
  operands: ['a'],
  result: (o, { size }) => {
    const a = o.tensor('a');
    requireIntegers(o, { size }, 1);
    o.requireNe('a', [ANY, 2 * size - 1, ANY, ANY]);
    return { type: ELEMENT_TYPES.f16, ne: [a.ne[0], size, size, 1] };
  },
});

export const ADD_REL_POS = define({
  name: 'ADD_REL_POS',
  operands: ['a', 'width', 'height'],
  overwrites: [0], // index by index; the other operands are repeated
  result: (o) => {
    const [a, width] = [o.tensor('a'), o.tensor('width')];
    o.requireNe('height', width.ne);
    for (const name of o.operation.operands) o.requireContiguous(name);
    o.requireType('width', 'f32');
    o.requireType('height', 'f32');
    const [w0, w1, w2, w3] = width.ne;
    o.requireNe('a', [w0 * w0, w1 * w2, w3, ANY]);
    return like(a);
  },
});

/** The rows of this family. */
export const POSITION_OPERATIONS = [ARANGE, TIMESTEP_EMBEDDING, WIN_PART, WIN_UNPART, GET_REL_POS, ADD_REL_POS];

/** Ranges, time steps, windows, relative positions. */
export abstract class PositionOps extends Applier {
  /**
   * The numbers from `start` (inclusive) to `stop` (exclusive) in steps of `step`, f32.
   *
   * @throws PlannerError `BAD_ARGUMENT` unless all are finite, `stop` is above `start`, and `step` above 0
   */
  arange(start: number, stop: number, step = 1): Tensor {
    return this.apply(ARANGE, [], numbers(ARANGE, { start, stop, step }));
  }

  /** Sines and cosines of each of the time steps, f32 `[dim, steps]`. @throws PlannerError `BAD_ARGUMENT` */
  timestepEmbedding(timesteps: Tensor, dim: number, maxPeriod = 10000): Tensor {
    return this.apply(TIMESTEP_EMBEDDING, [timesteps], { dim, ...numbers(TIMESTEP_EMBEDDING, { maxPeriod }) });
  }

  /**
   * The f32 image `a` `[n, width, height]` cut into square windows, padded with zeros: `[n, window, window, windows]`.
   *
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  winPart(a: Tensor, window: number): Tensor {
    return this.apply(WIN_PART, [a], { window });
  }

  /** The image `[n, width, height]` that `winPart` cut. @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT` */
  winUnpart(a: Tensor, width: number, height: number, window: number): Tensor {
    return this.apply(WIN_UNPART, [a], { width, height, window });
  }

  /**
   * f16 `[n, size, size]`: for each pair of positions, the row of `a` `[n, 2 × size - 1]` that belongs to their
   * distance.
   */
  getRelPos(a: Tensor, size: number): Tensor {
    return this.apply(GET_REL_POS, [a], { size });
  }

  /**
   * The contiguous scores `a` `[w × w, h × k, n]` plus relative positions along both axes.
   *
   * @param width contiguous f32 `[w, h, k, n]`
   * @param height of the same shape and type
   * @throws PlannerError `BAD_OPERAND`
   */
  addRelPos(a: Tensor, width: Tensor, height: Tensor, options?: InPlaceOption): Tensor {
    return this.apply(ADD_REL_POS, [a, width, height], {}, options);
  }
}
