/**
 * Layers whose file decides between a dense network and experts: the router's presence does, and no other tensor is
 * required.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import { feedForward, limitedGate } from './feed-forward.js';
import { hasExperts, mixture, type MixtureRecipe } from './mixture.js';

const MATRICES = ['ffn_gate', 'ffn_up', 'ffn_down'];

/** Experts, if the layer has a router, or the dense network, of which only the non-linearity may be left. */
export function eitherNetwork(s: Layer, x: Tensor, experts: MixtureRecipe): Tensor {
  loadBoth(s);
  if (hasExperts(s, experts)) return mixture(s, x, experts);
  return s.named(
    feedForward(s, x, s.feedForwardLength, { presence: 'optional', gated: limitedGate(s, 'others') }),
    'ffn_out',
  );
}

/** Only one network is read, but both may be loaded. */
function loadBoth(s: Layer): void {
  const { hp, feedForwardLength } = s;
  const width = hp.embeddingLength;
  const load = (part: string, suffix: string, inner: number, planes: readonly number[] = []): void => {
    const rows = part === 'ffn_down' ? [inner, width] : [width, inner];
    s.optionalWeight(`${part}${suffix}.weight`, [...rows, ...planes]);
  };
  for (const part of MATRICES) load(part, '', feedForwardLength);
  if (hp.experts === null) return;
  const { count, length, sharedLength } = hp.experts;
  for (const part of MATRICES) load(part, '_exps', length, [count]);
  if (sharedLength > 0) for (const part of MATRICES) load(part, '_shexp', sharedLength);
  s.optionalWeight('exp_probs_b.bias', [count]);
}
