/**
 * Ling 3: most layers are delta attention, the others latent attention with a gate for each head.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { inHeads, kimiDelta } from '../blocks/kimi-delta.js';
import { attendedCompressed, latentAccess, type LatentOptions } from '../blocks/latent-attention.js';
import { plainProduct } from '../blocks/linear.js';
import { decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import { withGateLimits } from '../gate-limits.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { ModelBuilder } from '../model-builder.js';
import { headRate, withKimiLayers, withOneShared, type KimiHyperparameters } from './kimi.js';
import { STATED_EXPERTS } from './deepseek.js';

interface BailingHyperparameters extends KimiHyperparameters {
  /** The lowest logarithm of what is left of a state. */
  readonly lowestGate: number;
}

const HEADS: LatentOptions = { labels: { lowQ: 'q_a', lowQNormed: 'q_a_norm', q: 'q_b' } };

export const bailingmoe3 = decoder<BailingHyperparameters>({
  embedding: { label: 'model.input_embed' },
  headRules: null,
  attention: gatedLatentHeads,
  recurrence: deltaHeads,
  norms: { beforeFeedForward: { part: 'ffn_norm', label: null } },
  labels: { attentionSum: null, feedForward: null },
  experts: {
    ...STATED_EXPERTS,
    selectionBias: 'required',
    shared: { length: 'own', label: null, sumLabel: null },
  },
  output: { product: 'plain' },
  predicts: 'cached',
  prediction: {
    isShared: true,
    norms: ['layer_output_norm'],
    check: (s) => s.weight('layer_output_norm.weight', [s.hp.embeddingLength]),
  },
  predictTensors: 'all-or-none',
  keepsWantedAfter: 'final-norm',
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: readBailing,
  end: (m) => {
    for (const s of m.predictLayers()) s.optionalWeight('layer_output_norm.weight', [m.hp.embeddingLength]);
  },
});

function readBailing(plain: Hyperparameters, reader: MetadataReader): BailingHyperparameters {
  reader.integer('leading_dense_block_count');
  if (!reader.flag('kda.safe_gate', true)) reader.refuse('kda.safe_gate', 'true in this architecture');
  const lowestGate = reader.number('kda.gate_lower_bound');
  if (lowestGate >= 0) reader.refuse('kda.gate_lower_bound', 'less than zero');
  const counted = reader.integer('expert_shared_count');
  const hp = withKimiLayers(withOneShared(plain, counted), reader, reader.integer('attention.q_lora_rank', 0));
  if (!hp.attention.isLatent) reader.refuse('attention.key_length_mla', 'at least 1 in this architecture');
  return { ...withGateLimits(reader, hp, 'activated'), lowestGate };
}

function gatedLatentHeads(
  m: ModelBuilder<BailingHyperparameters>,
  inputs: DecoderInputs,
): Block<BailingHyperparameters> {
  const access = latentAccess(m);
  return (s, x) => {
    const { ctx, hp } = s;
    const { fullValueLength: length, headCount } = { ...hp, ...s.heads };
    const result = attendedCompressed(s, access, inputs, x, HEADS);
    const scores = ctx.reshape(plainProduct(s, 'attn_gate', x, headCount), [1, headCount, x.ne[1]]);
    const gates = ctx.sigmoid(scores);
    const gated = ctx.mul(ctx.reshape(result, [length, headCount, x.ne[1]]), gates);
    const rows = ctx.cont(gated, [length * headCount, x.ne[1]]);
    return s.named(plainProduct(s, 'attn_output', rows, hp.embeddingLength), 'mla_out');
  };
}

function deltaHeads(_: ModelBuilder<BailingHyperparameters>, { states }: DecoderInputs): Block<BailingHyperparameters> {
  return (s, x) => {
    const { ctx, hp } = s;
    const length = hp.delta.headLength * s.heads.headCount;
    const whole = (part: string): Tensor => plainProduct(s, part, x, length);
    return kimiDelta(s, states, x, {
      gate: () => {
        const rate = headRate(s, ctx.add(whole('ssm_f_a'), s.weight('ssm_dt.bias', [length])), [1, s.heads.headCount]);
        return ctx.scale(ctx.sigmoid(rate), hp.lowestGate);
      },
      opening: () => inHeads(s, whole('ssm_g_a')),
      labels: { gate: 'kda_gate' },
    });
  };
}
