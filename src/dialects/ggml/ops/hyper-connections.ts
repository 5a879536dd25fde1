/**
 * Hyper-connections: a residual of several lanes, which a layer mixes into its input and spreads its result over.
 *
 * Behaviour as in ggml's `ggml_dsv4_hc_comb`, `ggml_dsv4_hc_pre`, `ggml_dsv4_hc_post`. An operand of the result's layout
 * is read again after the first lane is written: nothing is overwritten.
 */
import type { OperationParams, Tensor } from '../../../tensor/tensor.js';
import { ANY, type Operands } from '../operands.js';
import { rowsOf } from '../row.js';
import { f32, numbers, requireIntegers } from './rules.js';
import { Applier } from './applier.js';

const define = rowsOf('other');

/** The only number of lanes that ggml's kernels know. */
const LANES = 4;

/** Numbers per token: of each lane into the layer, of the layer into each lane, of each lane into each. */
const MIXES = (2 + LANES) * LANES;

function requireFloats(o: Operands): void {
  for (const name of o.operation.operands) o.requireType(name, 'f32');
}

export const DSV4_HC_COMB = define<OperationParams & { epsilon: number; iterations: number }>({
  name: 'DSV4_HC_COMB',
  operands: ['mixes', 'scale', 'base'],
  result: (o, { iterations }) => {
    requireFloats(o);
    requireIntegers(o, { iterations }, 1);
    o.requireNe('mixes', [MIXES, ANY, 1, 1]);
    o.requireNe('scale', [ANY, 1, 1, 1]);
    o.require(o.tensor('scale').ne[0] >= 3, 'scale', 'of a length of at least 3');
    o.requireNe('base', [MIXES, 1, 1, 1]);
    return f32([LANES, LANES, o.tensor('mixes').ne[1], 1]);
  },
});

export const DSV4_HC_PRE = define({
  name: 'DSV4_HC_PRE',
  operands: ['x', 'weights'],
  result: (o) => {
    requireFloats(o);
    const [width, lanes, tokens] = o.tensor('x').ne;
    o.requireNe('x', [ANY, ANY, ANY, 1]);
    o.requireNe('weights', [lanes, tokens, 1, 1]);
    return f32([width, tokens, 1, 1]);
  },
});

export const DSV4_HC_POST = define({
  name: 'DSV4_HC_POST',
  operands: ['x', 'residual', 'post', 'comb'],
  result: (o) => {
    requireFloats(o);
    const [width, tokens] = o.tensor('x').ne;
    const [, lanes] = o.tensor('residual').ne;
    o.requireNe('x', [ANY, ANY, 1, 1]);
    o.requireNe('residual', [width, ANY, tokens, 1]);
    o.requireNe('post', [lanes, tokens, 1, 1]);
    o.requireNe('comb', [lanes, lanes, tokens, 1]);
    return f32([width, lanes, tokens, 1]);
  },
});

/** The rows of this family. */
export const HYPER_CONNECTION_OPERATIONS = [DSV4_HC_COMB, DSV4_HC_PRE, DSV4_HC_POST];

/** Hyper-connections. */
export abstract class HyperConnectionOps extends Applier {
  /**
   * Per token, how lanes go over into lanes: the last 16 of its numbers, scaled by the third of `scale` and shifted by
   * `base`, made into a matrix whose rows and columns sum up to 1. f32 `[4, 4, tokens]`.
   *
   * @param mixes f32 `[24, tokens]`
   * @param scale f32, of 3 numbers at least
   * @param base f32 `[24]`
   * @param epsilon what is added to sums
   * @param iterations how often columns are normalised, at least 1
   * @throws PlannerError `BAD_OPERAND`, `BAD_ARGUMENT`
   */
  dsv4HcComb(mixes: Tensor, scale: Tensor, base: Tensor, epsilon: number, iterations: number): Tensor {
    return this.apply(DSV4_HC_COMB, [mixes, scale, base], numbers(DSV4_HC_COMB, { epsilon, iterations }));
  }

  /**
   * The lanes of each token summed up with its weights: f32 `[width, tokens]`.
   *
   * @param x f32 `[width, lanes, tokens]`
   * @param weights f32 `[lanes, tokens]`
   * @throws PlannerError `BAD_OPERAND`
   */
  dsv4HcPre(x: Tensor, weights: Tensor): Tensor {
    return this.apply(DSV4_HC_PRE, [x, weights]);
  }

  /**
   * A layer's result spread over the lanes, plus the residual's lanes mixed with each other: f32
   * `[width, lanes, tokens]`.
   *
   * @param x f32 `[width, tokens]`
   * @param residual f32 `[width, lanes, tokens]`
   * @param post f32 `[lanes, tokens]`
   * @param comb f32 `[lanes, lanes, tokens]`
   * @throws PlannerError `BAD_OPERAND`
   */
  dsv4HcPost(x: Tensor, residual: Tensor, post: Tensor, comb: Tensor): Tensor {
    return this.apply(DSV4_HC_POST, [x, residual, post, comb]);
  }
}
