/**
 * Kimi Linear: most layers are delta attention, the others latent attention without turns.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attend, type Heads } from '../blocks/attention.js';
import { inHeads, kimiDelta, kimiStateLengths, type KimiDeltaHyperparameters } from '../blocks/kimi-delta.js';
import {
  attendCompressed,
  decompressed,
  latentAccess,
  latentParts,
  type LatentHyperparameters,
  type LatentOptions,
} from '../blocks/latent-attention.js';
import { plainProduct } from '../blocks/linear.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import { withStates, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder } from '../model-builder.js';

export type KimiHyperparameters = LatentHyperparameters & KimiDeltaHyperparameters;

const HEADS: LatentOptions = {
  isTurned: false,
  labels: {
    plainQ: 'q_nope',
    turnedQ: 'q_pe',
    permutedQ: 'q_nope_perm',
    absorbed: 'q_nope_absorbed',
    absorbedPermuted: 'q_nope_absorbed_perm',
    query: 'Qcur',
    key: 'Kcur',
    value: 'Vcur',
    valueCopy: 'mla_V',
  },
};

export const kimiLinear = decoder<KimiHyperparameters>({
  embedding: { label: 'model.embed_tokens' },
  headRules: null,
  attention: latentHeads,
  recurrence: deltaHeads,
  experts: {
    isRequired: true,
    layers: 'after-leading',
    length: 'own',
    gating: { ifUnsaid: null },
    isNormalised: true,
    readsScale: true,
    selectionBias: 'required',
    shared: { length: 'counted', network: { presence: 'optional' } },
  },
  output: { weights: 'required', product: 'plain' },
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: (hp, reader) => withKimiLayers(withOneShared(hp), reader, 0),
});

/**
 * The model with as wide a network for the shared experts as the file counts, at least that of one, where the file gives
 * no width.
 */
export function withOneShared(hp: Hyperparameters, counted = 1): Hyperparameters {
  const { experts } = hp;
  if (experts === null || experts.sharedLength !== 0) return hp;
  return { ...hp, experts: { ...experts, sharedLength: experts.length * Math.max(1, counted) } };
}

/** The numbers of latent and delta attention; layers without heads for keys and values are the latter. */
export function withKimiLayers(hp: Hyperparameters, reader: MetadataReader, queryRank: number): KimiHyperparameters {
  const [{ headCount, ropeLength }] = hp.attention.layers;
  const fullKeyLength = reader.integer('attention.key_length_mla');
  const fullValueLength = reader.integer('attention.value_length_mla');
  const isLatent = fullKeyLength !== 0;
  if (isLatent !== (fullValueLength !== 0)) {
    reader.refuse('attention.value_length_mla', 'zero if attention.key_length_mla is zero, and only then');
  }
  const kvRank = reader.positive('attention.kv_lora_rank');
  const delta = {
    headLength: reader.positive('kda.head_dim'),
    convolutionWidth: reader.positive('ssm.conv_kernel'),
  };
  const [{ keyLength, valueLength }] = hp.attention.layers;
  const hasState = (layer: number): boolean => layer < hp.layerCount && hp.attention.layers[layer].kvHeadCount === 0;
  const all = {
    ...withStates(hp, kimiStateLengths({ delta }, headCount), hasState),
    delta,
    fullKeyLength: isLatent ? fullKeyLength : keyLength,
    fullValueLength: isLatent ? fullValueLength : valueLength,
    queryRank,
    kvRank,
    attentionScale: 1 / Math.sqrt(isLatent ? fullKeyLength : keyLength),
  };
  if (all.fullKeyLength < ropeLength) {
    reader.refuse('rope.dimension_count', `at most ${all.fullKeyLength}, the length of a head’s key`);
  }
  checkStored(reader, all, isLatent);
  return { ...all, attention: { ...all.attention, isLatent } };
}

/** Checks that the cache has the row per token that attention stores. */
function checkStored(reader: MetadataReader, hp: LatentHyperparameters, isLatent: boolean): void {
  for (const heads of hp.attention.layers) {
    if (heads.cacheLayer === null) continue;
    const count = isLatent ? 1 : heads.headCount;
    const length = isLatent ? hp.kvRank + heads.ropeLength : hp.fullKeyLength;
    if (heads.kvHeadCount !== count) {
      reader.refuse('attention.head_count_kv', `0, or ${count} in layers with attention`);
    }
    if (heads.keyLength !== length) {
      reader.refuse('attention.key_length', `${length}, the length of a cached row`);
    }
  }
}

type KimiLayer = Layer<KimiHyperparameters>;

function latentHeads(m: ModelBuilder<KimiHyperparameters>, inputs: DecoderInputs): Block<KimiHyperparameters> {
  const access = m.hp.attention.isLatent ? latentAccess(m) : null;
  return (s, x) => {
    s.expand(x);
    if (access !== null) return s.named(attendCompressed(s, access, inputs, x, HEADS), 'mla_out');
    const { q, k, v } = decompressedHeads(s, x, inputs, HEADS);
    const heads = { q: s.named(q, 'mla_Q'), k: s.named(k, 'mla_K'), v };
    return s.named(attend(s, inputs.attention, heads, { scale: m.hp.attentionScale }), 'mla_out');
  };
}

/** Queries, keys and values of all heads. Here the part of the key that heads share comes first. */
export function decompressedHeads(s: KimiLayer, x: Tensor, inputs: DecoderInputs, options: LatentOptions): Heads {
  const { ctx } = s;
  const { fullKeyLength, headCount, ropeLength } = { ...s.hp, ...s.heads };
  const { q, compressed, turnedK } = latentParts(s, x, inputs, options);
  const { plainK, v } = decompressed(s, compressed, options);
  const shared = ctx.repeat(turnedK, [ropeLength, headCount, x.ne[1]]);
  return { q: ctx.reshape(q, [fullKeyLength, headCount, x.ne[1]]), k: ctx.concat(shared, plainK, 0), v };
}

/** The rate at which states fade, from a compressed row, as Kimi Linear and Kimi K3 make it. */
export function fadingRate(s: KimiLayer, x: Tensor, label?: string): Tensor {
  const { headLength, headCount } = { ...s.hp.delta, ...s.heads };
  const low = plainProduct(s, 'ssm_f_a', x, headLength);
  const rate = plainProduct(s, 'ssm_f_b', low, headLength * headCount);
  if (label !== undefined) s.named(rate, label);
  return s.ctx.add(rate, s.weight('ssm_dt.bias', [headLength * headCount]));
}

/** A rate times the factor of its head. */
export function headRate(s: KimiLayer, rate: Tensor, ne: readonly number[]): Tensor {
  const factors = s.ctx.reshape(s.weight('ssm_a', ne), [1, s.heads.headCount, 1]);
  return s.ctx.mul(inHeads(s, rate), factors);
}

/** The rows of `x`, reshaped to those of each sequence and back. */
export function throughSequences({ ctx, model }: KimiLayer, x: Tensor): Tensor {
  const { tokens, sequences } = model.batch;
  return ctx.reshape(ctx.reshape(x, [x.ne[0], tokens / sequences, sequences]), [x.ne[0], tokens]);
}

function deltaHeads(_: ModelBuilder<KimiHyperparameters>, { states }: DecoderInputs): Block<KimiHyperparameters> {
  return (s, x) => {
    const { ctx } = s;
    const { headLength, headCount } = { ...s.hp.delta, ...s.heads };
    s.expand(x);
    return kimiDelta(s, states, x, {
      gate: () => {
        const rate = ctx.softplus(fadingRate(s, x, 'g1 f_b(f_a(cur))'));
        return s.named(headRate(s, rate, [1, headCount]), 'kda_g1');
      },
      opening: () => {
        const low = plainProduct(s, 'ssm_g_a', throughSequences(s, x), headLength);
        const rows = plainProduct(s, 'ssm_g_b', low, headLength * headCount);
        return inHeads(s, s.named(rows, 'g2 g_b(g_a(cur_2d))'));
      },
      labels: {
        columns: 'conv_states_all',
        beta: 'kda_beta',
        isBetaNamedFirst: true,
        output: 'attn_output',
        states: 'new_state',
        normed: 'kda_normed',
      },
    });
  };
}
