/**
 * Sparse attention's indexer, which scores how much each query wants to see of each cached token.
 *
 * Behaviour as in ggml's `ggml_lightning_indexer`.
 */
import type { Tensor } from '../../../tensor/tensor.js';
import { ANY } from '../operands.js';
import { rowsOf } from '../row.js';
import { f32 } from './rules.js';
import { Applier } from './applier.js';

const define = rowsOf('attention');

/** Queries and weights are read once per cached token: nothing is overwritten. */
export const LIGHTNING_INDEXER = define({
  name: 'LIGHTNING_INDEXER',
  operands: ['q', 'k', 'weights', 'mask'],
  result: (o) => {
    const [q, k, weights] = [o.tensor('q'), o.tensor('k'), o.tensor('weights')];
    o.requireType('q', 'f32');
    o.requireType('weights', 'f32');
    o.requireType('mask', 'f16');
    const [length, heads, tokens, streams] = q.ne;
    o.requireNe('k', [length, 1, ANY, streams]);
    o.requireNe('weights', [heads, tokens, 1, streams]);
    o.requireNe('mask', [k.ne[2], tokens, 1, ANY]);
    o.requireRepeatable('mask', 3, weights.ne[3]);
    return f32([k.ne[2], tokens, 1, streams]);
  },
});

/** The rows of this family. */
export const INDEXING_OPERATIONS = [LIGHTNING_INDEXER];

/** The indexer of sparse attention. */
export abstract class IndexingOps extends Applier {
  /**
   * Per query and cached token, the weighted sum over all heads of their positive scores, plus the mask: f32
   * `[cells, tokens, 1, streams]`.
   *
   * @param q f32 `[head, heads, tokens, streams]`
   * @param k `[head, 1, cells, streams]`
   * @param weights f32 `[heads, tokens, 1, streams]`
   * @param mask f16 `[cells, tokens]`, or one per stream
   * @throws PlannerError `BAD_OPERAND`
   */
  lightningIndexer(q: Tensor, k: Tensor, weights: Tensor, mask: Tensor): Tensor {
    return this.apply(LIGHTNING_INDEXER, [q, k, weights, mask]);
  }
}
