/**
 * Apertus: heads normalised one by one, and a network without gate, by xIELU, whose coefficients differ by layer.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { product } from '../blocks/linear.js';
import { decoder } from '../decoder/decoder.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer } from '../model-builder.js';

/** Coefficients of xIELU, by layer. */
interface Coefficients {
  readonly alphaN: readonly number[];
  readonly alphaP: readonly number[];
  readonly beta: readonly number[];
  readonly eps: readonly number[];
}

interface ApertusHyperparameters extends Hyperparameters {
  readonly xielu: Coefficients;
}

export const apertus = decoder<ApertusHyperparameters>({
  rope: { mode: 'neox', factors: 'by-scaling', labels: { q: 'Qcur_pos', k: 'Kcur_pos', v: 'Vcur_pos' } },
  headRules: { isTurnedWhole: true },
  attention: { headNorms: { norm: { bias: 'unread' } }, outputBias: 'optional', label: 'attn_out' },
  labels: { feedForward: 'ffn_down' },
  feedForward: network,
  output: { weights: 'required' },
  adjust: (hp, reader) => {
    const list = (name: string): readonly number[] => reader.numberPerLayer(`xielu.${name}`, hp.layerCount);
    return { ...hp, xielu: { alphaN: list('alpha_n'), alphaP: list('alpha_p'), beta: list('beta'), eps: list('eps') } };
  },
});

function network(s: Layer<ApertusHyperparameters>, x: Tensor): Tensor {
  const { alphaN, alphaP, beta, eps } = s.hp.xielu;
  const up = s.named(product(s, 'ffn_up', x, s.feedForwardLength), 'ffn_up');
  const { index: i } = s;
  const inner = s.named(s.ctx.xielu(up, alphaN[i], alphaP[i], beta[i], eps[i]), 'ffn_xielu');
  return product(s, 'ffn_down', inner, x.ne[0]);
}
