/**
 * Tencent's Hunyuan models: heads are normalised after they have turned.
 */
import { decoder } from '../decoder/decoder.js';
import type { DecoderRecipe } from '../decoder/recipe.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import { withCheckedSections } from '../rope-scaling.js';

const HUNYUAN = {
  headRules: { isTurnedWhole: true },
  attention: { headNorms: { isAfterTurn: true, label: 'norm' }, label: 'attn_out' },
  adjust: withRaisedBase,
} satisfies DecoderRecipe;

/** The base of the frequencies grows with the stretch of the context. */
function withRaisedBase(hp: Hyperparameters, reader: MetadataReader): Hyperparameters {
  const alpha = reader.number('rope.scaling.alpha', 0);
  if (alpha <= 0) return hp;
  const [{ keyLength }] = hp.attention.layers;
  const freqBase = hp.rope.freqBase * alpha ** (keyLength / (keyLength - 2));
  return { ...hp, rope: { ...hp.rope, freqBase } };
}

export const hunyuanDense = decoder({
  ...HUNYUAN,
  rope: { mode: 'neox' },
  adjust: (hp, reader) => withRaisedBase(withCheckedSections(hp, reader), reader),
});

/** Hunyuan VL: a token turns with four positions, if the file says how. */
export const hunyuanVl = decoder({
  ...HUNYUAN,
  rope: { mode: 'neox', sections: 'optional' },
});
