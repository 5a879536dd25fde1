/**
 * Attention of a decoder's layer as its recipe describes it: heads, norms, turns, look-up.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attended, cooled, project, projectHeads, projectOutput, reshaped, type Heads } from '../blocks/attention.js';
import { gatedAttention } from '../blocks/attention-gate.js';
import { weightIf } from '../blocks/linear.js';
import { norm } from '../blocks/norm.js';
import { frequencyFactors, turn } from '../blocks/rope.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer } from '../model-builder.js';
import type { AttentionRecipe, BlockMaker, HeadNormRecipe, RopeRecipe } from './recipe.js';

export function headAttention<H extends Hyperparameters>(
  recipe: AttentionRecipe,
  rope: RopeRecipe<H> | null = {},
): BlockMaker<H> {
  const { scaledQuery, sinks = 'none', gate, outputBias: bias = 'none', label } = recipe;
  return (_, inputs) => (s, x) => {
    const { positions, attention } = inputs;
    const { q: fresh, k, v } = preparedHeads(s, x, positions, recipe, rope);
    const q = cooled(s, fresh, inputs);
    const factor = scoreFactor(s, recipe);
    const isScaled = scaledQuery !== undefined;
    const heads = { q: isScaled ? scaledQueries(s, q, factor, scaledQuery) : q, k, v };
    const weights = weightIf(s, sinks, 'attn_sinks.weight', [s.heads.headCount]);
    const options = { scale: isScaled ? 1 : factor, sinks: weights, bias };
    const mixed = attended(s, attention, heads, options);
    const result = projectOutput(s, gate === undefined ? mixed : gatedAttention(s, x, mixed, gate), options);
    return label === undefined ? result : s.named(result, label);
  };
}

/** Queries, keys and values, normalised and turned. */
export function preparedHeads<H extends Hyperparameters>(
  s: Layer<H>,
  x: Tensor,
  positions: Tensor,
  recipe: AttentionRecipe = {},
  rope: RopeRecipe<H> | null = {},
): Heads {
  const { headNorms, project: own } = recipe;
  const projected = (): Heads => (own === undefined ? projectHeads(s, x, recipe) : own(s, x));
  if (headNorms === undefined || headNorms.isUsed?.(s) === false) return turned(s, projected(), positions, rope);
  if (headNorms.span === 'all') return turned(s, projectNormed(s, x, recipe, headNorms), positions, rope);
  const heads = projected();
  if (headNorms.isAfterTurn) return normed(s, turned(s, heads, positions, rope), headNorms);
  return turned(s, normed(s, heads, headNorms), positions, rope);
}

function scoreFactor(s: Layer, { scale }: AttentionRecipe): number {
  if (scale !== undefined) return scale(s);
  return s.hp.attention.scale || 1 / Math.sqrt(s.heads.keyLength);
}

function scaledQueries(s: Layer, q: Tensor, factor: number, label: string | null): Tensor {
  const result = s.ctx.scale(q, factor);
  return label === null ? result : s.named(result, label);
}

/** Queries and keys turned by their tokens' positions, where the layer's heads turn at all. */
function turned<H extends Hyperparameters>(
  s: Layer<H>,
  heads: Heads,
  positions: Tensor,
  rope: RopeRecipe<H> | null,
): Heads {
  if (rope === null) return heads;
  const { factors = 'none', labels = {} } = rope;
  const freqFactors = frequencyFactors(s, typeof factors === 'string' ? factors : factors(s));
  const isTurned = rope.layers?.(s) ?? true;
  const change = (x: Tensor): Tensor => (isTurned ? turn(s, x, positions, { freqFactors }) : x);
  const named = (x: Tensor, own: string | null | undefined, usual: string): Tensor => {
    if (own === undefined) return s.named(x, usual);
    return own === null || !isTurned ? x : s.named(x, own);
  };
  return {
    q: named(change(heads.q), labels.q, 'Qcur'),
    k: named(change(heads.k), labels.k, 'Kcur'),
    v: named(heads.v, labels.v, 'Vcur'),
  };
}

/** Every query and key head normalised on its own. */
function normed(s: Layer, { q, k, v }: Heads, recipe: HeadNormRecipe): Heads {
  return { q: normedHeads(s, 'q', q, recipe), k: normedHeads(s, 'k', k, recipe), v };
}

function normedHeads(
  s: Layer,
  part: 'q' | 'k',
  x: Tensor,
  { span, label = 'normed', norm: how = {} }: HeadNormRecipe,
): Tensor {
  const ne = span === 'own' ? [x.ne[0], x.ne[1]] : [x.ne[0]];
  const [name, weights] = [`${part.toUpperCase()}cur`, `attn_${part}_norm`];
  const result =
    how.weight === 'optional' && s.optionalWeight(`${weights}.weight`, ne) === null
      ? x
      : norm(s, weights, x, { bias: 'none', ...how, ne });
  if (result === x) return x;
  return s.named(result, label === null ? name : `${name}_${label}`);
}

/** All query heads, and all key heads, normalised as one row. */
function projectNormed(s: Layer, x: Tensor, recipe: AttentionRecipe, headNorms: HeadNormRecipe): Heads {
  const { keyLength, valueLength } = s.heads;
  const rows = (part: 'q' | 'k'): Tensor =>
    reshaped(s, normedHeads(s, part, project(s, part, x, recipe), { ...headNorms, span: 'head' }), keyLength);
  const v = reshaped(s, project(s, 'v', x, recipe), valueLength);
  return { q: rows('q'), k: rows('k'), v: s.named(v, 'Vcur') };
}
