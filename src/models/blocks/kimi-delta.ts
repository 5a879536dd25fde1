/**
 * Kimi's delta attention: the gated delta rule with a gate for each element of a head, and a short convolution of its
 * own for queries, keys and values.
 *
 *     x ─► q, k, v ─► convolution ─► silu ─► delta rule ─► norm ─► × sigmoid(opening) ─► out
 *     x ─► gate, strength of the correction ────┘
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of `kimi-linear`.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { Layer } from '../model-builder.js';
import { deltaRule } from './delta-net.js';
import { plainProduct } from './linear.js';
import { norm } from './norm.js';
import { fetchState, type StateInputs } from './recurrent-state.js';

export interface KimiDeltaHyperparameters extends Hyperparameters {
  readonly delta: {
    /** Elements of a head. */
    readonly headLength: number;
    /** Tokens that a convolution sees. */
    readonly convolutionWidth: number;
  };
}

type DeltaLayer = Layer<KimiDeltaHyperparameters>;

/** A tensor made from the tokens. */
type FromTokens = (s: DeltaLayer, x: Tensor) => Tensor;

/** What the architectures do differently. */
export interface KimiDeltaRecipe {
  /** Logarithm of what is left of a state, `[elements, heads, tokens]`. */
  readonly gate: FromTokens;
  /** What the norm's result is multiplied by, before its sigmoid, `[elements, heads, tokens]`. */
  readonly opening: FromTokens;
  /** Names of results. */
  readonly labels: {
    /** The last columns of the convolutions. */
    readonly columns?: string;
    /** Prefix and ending of the names of queries, keys and values. */
    readonly convolved?: readonly [string, string];
    readonly gate?: string;
    readonly beta?: string;
    /** Whether the strength is named before its sigmoid. */
    readonly isBetaNamedFirst?: boolean;
    readonly output?: string;
    readonly states?: string;
    readonly normed?: string;
  };
}

/** Lengths of the state of one sequence in one layer. */
export function kimiStateLengths(
  { delta: { headLength, convolutionWidth } }: Pick<KimiDeltaHyperparameters, 'delta'>,
  headCount: number,
): { convolution: number; scan: number } {
  return { convolution: 3 * (convolutionWidth - 1) * headCount * headLength, scan: headLength ** 2 * headCount };
}

/** One layer for all sequences of the batch, which have equally many tokens. */
export function kimiDelta(s: DeltaLayer, inputs: StateInputs, x: Tensor, recipe: KimiDeltaRecipe): Tensor {
  const { ctx, hp, model } = s;
  const { labels } = recipe;
  const { headLength, headCount: heads } = { ...hp.delta, ...s.heads };
  const { tokens, sequences } = model.batch;
  const named = (t: Tensor, label: string | undefined): Tensor => (label === undefined ? t : s.named(t, label));
  const { convolution, scan } = model.memory.state!.of(s.index);
  const columns = fetchState(s, inputs, named(convolution, labels.columns));
  const part = (name: 'q' | 'k' | 'v', index: number): Tensor => {
    const [prefix, ending] = labels.convolved ?? [];
    const result = convolved(s, name, index, columns, x);
    return named(result, prefix === undefined ? undefined : `${prefix}${name}${ending}`);
  };
  const [q, k, v] = [part('q', 0), part('k', 1), part('v', 2)];
  const perToken = [heads, tokens / sequences, sequences];
  const gate = named(ctx.reshape(recipe.gate(s, x), [headLength, ...perToken]), labels.gate);
  const beta = strength(s, x, [1, ...perToken], labels);
  const states = ctx.reshape(fetchState(s, inputs, scan), [headLength, headLength, heads, sequences]);
  const [evenQ, evenK] = [q, k].map((t) => ctx.l2Norm(t, hp.norm.epsilon));
  const result = deltaRule(s, { q: evenQ, k: evenK, v, gate, beta }, states);
  const output = named(ctx.cont(result.output), labels.output);
  s.expand(ctx.cpy(named(result.states, labels.states), ctx.view(scan, [scan.ne[0] * sequences])));
  const opening = recipe.opening(s, x);
  const rows = ctx.reshape(output, [headLength, heads, tokens]);
  const even = named(norm(s, 'ssm_norm', rows), labels.normed);
  const opened = ctx.cont(ctx.mul(even, ctx.sigmoid(opening)), [headLength * heads, tokens]);
  return s.named(plainProduct(s, 'attn_output', opened, hp.embeddingLength), 'kda_out');
}

/** Queries, keys or values after their convolution, `[elements, heads, tokens, sequences]`. */
function convolved(s: DeltaLayer, part: 'q' | 'k' | 'v', index: number, columns: Tensor, x: Tensor): Tensor {
  const { ctx, hp, model } = s;
  const { headLength, convolutionWidth, headCount: heads } = { ...hp.delta, ...s.heads };
  const { tokens, sequences } = model.batch;
  const channels = headLength * heads;
  const { convolution } = model.memory.state!.of(s.index);
  const own = (all: Tensor): Tensor => {
    const ne = [convolutionWidth - 1, channels, sequences];
    const row = ne[0] * all.nb[0];
    return ctx.view(all, ne, [row, 3 * row * channels], index * row * channels);
  };
  // Biases are loaded, but no operation reads them.
  s.optionalWeight(`attn_${part}.bias`, [channels]);
  const fresh = ctx.reshape(plainProduct(s, `attn_${part}`, x, channels), [channels, tokens / sequences, sequences]);
  const all = ctx.concat(own(columns), ctx.transpose(fresh), 0);
  const ne = [convolutionWidth - 1, channels, sequences];
  const last = ctx.view(all, ne, [all.nb[1], all.nb[2]], (tokens / sequences) * all.nb[0]);
  s.expand(ctx.cpy(last, own(convolution)));
  const kernel = s.weight(`ssm_conv1d_${part}.weight`, [convolutionWidth, 1, channels]);
  const summed = ctx.ssmConv(all, ctx.reshape(kernel, [convolutionWidth, channels]));
  const rows = ctx.silu(ctx.reshape(summed, [channels, tokens]));
  return ctx.reshape(rows, [headLength, heads, tokens / sequences, sequences]);
}

/** How strongly the states are corrected. */
function strength(s: DeltaLayer, x: Tensor, ne: readonly number[], labels: KimiDeltaRecipe['labels']): Tensor {
  const { ctx } = s;
  const { beta: label, isBetaNamedFirst = false } = labels;
  const scores = ctx.reshape(plainProduct(s, 'ssm_beta', x, s.heads.headCount), ne);
  if (label !== undefined && isBetaNamedFirst) s.named(scores, label);
  const result = ctx.sigmoid(scores);
  return label !== undefined && !isBetaNamedFirst ? s.named(result, label) : result;
}

/** Rows of all heads as `[elements, heads, tokens]`. */
export function inHeads(s: DeltaLayer, x: Tensor): Tensor {
  const { headLength } = s.hp.delta;
  return s.ctx.reshape(x, [headLength, s.heads.headCount, x.ne[1]]);
}
