/**
 * Positions: ranges, embeddings of time steps, windows of an image, and relative positions.
 *
 * Behaviour as in ggml's `ggml_arange`, `ggml_timestep_embedding`, `ggml_win_part`, `ggml_win_unpart`,
 * `ggml_get_rel_pos`, `ggml_add_rel_pos`.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import type { Params, Tensor } from '../../tensor/tensor.js';
import { defineOperation, operand } from '../operation.js';
import { Applier, type InPlaceOption } from './applier.js';
import {
  ANY,
  f32,
  like,
  requireArgument,
  requireContiguous,
  requireIntegers,
  requireNe,
  requireType,
} from './rules.js';

/** Counts in 32-bit floats, as ggml does: the last step may fall away or come in by rounding. */
const ARANGE = defineOperation<Params & { start: number; stop: number; step: number }>({
  name: 'ARANGE',
  result: (_, { start, stop, step }) => {
    requireArgument(stop > start, 'ARANGE', 'stop', stop, `above the start, ${start}`);
    requireArgument(step > 0, 'ARANGE', 'step', step, 'above 0');
    const length = Math.fround(Math.fround(stop) - Math.fround(start));
    return f32([Math.ceil(Math.fround(length / Math.fround(step))), 1, 1, 1]);
  },
});

const TIMESTEP_EMBEDDING = defineOperation<Params & { dim: number; maxPeriod: number }>({
  name: 'TIMESTEP_EMBEDDING',
  result: (sources, { dim }) => {
    requireIntegers('TIMESTEP_EMBEDDING', { dim }, 1);
    return f32([dim, operand(sources, 0, 'TIMESTEP_EMBEDDING').ne[0], 1, 1]);
  },
});

const WIN_PART = defineOperation<Params & { window: number }>({
  name: 'WIN_PART',
  result: (sources, { window }) => {
    const a = operand(sources, 0, 'WIN_PART');
    requireNe('WIN_PART', 'a', a, [ANY, ANY, ANY, 1]);
    requireType('WIN_PART', 'a', a, 'f32');
    requireIntegers('WIN_PART', { window }, 1);
    const windows = Math.ceil(a.ne[1] / window) * Math.ceil(a.ne[2] / window);
    return f32([a.ne[0], window, window, windows]);
  },
});

const WIN_UNPART = defineOperation<Params & { width: number; height: number; window: number }>({
  name: 'WIN_UNPART',
  result: (sources, { width, height, window }) => {
    const a = operand(sources, 0, 'WIN_UNPART');
    requireType('WIN_UNPART', 'a', a, 'f32');
    requireIntegers('WIN_UNPART', { width, height, window }, 1);
    return f32([a.ne[0], width, height, 1]);
  },
});

const GET_REL_POS = defineOperation<Params & { size: number }>({
  name: 'GET_REL_POS',
  result: (sources, { size }) => {
    const a = operand(sources, 0, 'GET_REL_POS');
    requireIntegers('GET_REL_POS', { size }, 1);
    requireNe('GET_REL_POS', 'a', a, [ANY, 2 * size - 1, ANY, ANY]);
    return { type: ELEMENT_TYPES.f16, ne: [a.ne[0], size, size, 1] };
  },
});

const ADD_REL_POS = defineOperation({
  name: 'ADD_REL_POS',
  overwrites: [0], // index by index; the other operands are repeated
  result: (sources) => {
    const a = operand(sources, 0, 'ADD_REL_POS');
    const width = operand(sources, 1, 'ADD_REL_POS');
    const height = operand(sources, 2, 'ADD_REL_POS');
    requireNe('ADD_REL_POS', 'height', height, width.ne);
    for (const [what, tensor] of Object.entries({ a, width, height })) requireContiguous('ADD_REL_POS', what, tensor);
    requireType('ADD_REL_POS', 'width', width, 'f32');
    requireType('ADD_REL_POS', 'height', height, 'f32');
    const [w0, w1, w2, w3] = width.ne;
    requireNe('ADD_REL_POS', 'a', a, [w0 * w0, w1 * w2, w3, ANY]);
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
   * @throws PlannerError `BAD_ARGUMENT` unless `stop` is above `start`, and `step` above 0
   */
  arange(start: number, stop: number, step = 1): Tensor {
    return this.apply(ARANGE, [], { start, stop, step });
  }

  /** Sines and cosines of each of the time steps, f32 `[dim, steps]`. @throws PlannerError `BAD_ARGUMENT` */
  timestepEmbedding(timesteps: Tensor, dim: number, maxPeriod = 10000): Tensor {
    return this.apply(TIMESTEP_EMBEDDING, [timesteps], { dim, maxPeriod });
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

  /** f16 `[n, size, size]`: per pair of positions the row of `a` `[n, 2 × size - 1]` for their distance. */
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
