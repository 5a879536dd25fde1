/** Recipes whose entries don't go together: the compiler refuses them. */
import { expect, it } from 'vitest';
import { decoder } from '../../src/models/decoder/decoder.js';
import type { ParallelResidual } from '../../src/models/decoder/recipe.js';

const residual: ParallelResidual = {
  feedForwardReads: 'attention-input',
  sum: ['feed-forward', 'residual', 'attention'],
};

it('refuses entries that attention and network side by side do not heed', () => {
  const made = [
    decoder({ residual, labels: { feedForward: 'ffn' }, scales: { logits: 1 } }),
    // @ts-expect-error no sum of attention and residual has a name
    decoder({ residual, labels: { attentionSum: 'ffn_inp' } }),
    // @ts-expect-error nothing is normalised behind attention
    decoder({ residual, norms: { afterAttention: { part: 'post_attention_norm', label: null } } }),
    // @ts-expect-error the residual has no factor
    decoder({ residual, scales: { residual: 1 } }),
    // What decides by the model may be either.
    decoder({ residual: () => residual, labels: { attentionSum: 'ffn_inp' } }),
  ];
  expect(made.every(({ build }) => typeof build === 'function')).toBe(true);
});
