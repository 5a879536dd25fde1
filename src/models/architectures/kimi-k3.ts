/**
 * Kimi K3: Kimi Linear whose residual is mixed with earlier ones ahead of each part of a layer, and whose experts work on
 * shorter rows.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { attended } from '../blocks/attention.js';
import { expertFeedForward } from '../blocks/expert-feed-forward.js';
import { inHeads, kimiDelta } from '../blocks/kimi-delta.js';
import { attendedCompressed, latentAccess, type LatentOptions } from '../blocks/latent-attention.js';
import { plainProduct } from '../blocks/linear.js';
import { hasExperts, type MixtureRecipe } from '../blocks/mixture.js';
import { norm } from '../blocks/norm.js';
import { decoderAttention, decoder } from '../decoder/decoder.js';
import type { Block, DecoderInputs } from '../decoder/recipe.js';
import { withHeads, type Hyperparameters } from '../hyperparameters.js';
import type { MetadataReader } from '../metadata-reader.js';
import type { Layer, ModelBuilder, Scope } from '../model-builder.js';
import {
  decompressedHeads,
  fadingRate,
  headRate,
  throughSequences,
  withKimiLayers,
  withOneShared,
  type KimiHyperparameters,
} from './kimi.js';
import { STATED_EXPERTS } from './deepseek.js';

interface K3Hyperparameters extends KimiHyperparameters {
  /** The lowest logarithm of what is left of a state; null: none. */
  readonly lowestGate: number | null;
  /** Elements of an expert's row; 0: as many as of the embedding. */
  readonly expertWidth: number;
  /** Layers from one kept residual to the next; 0: none is kept. */
  readonly residualStep: number;
  /** Limits that gate and up approach; of up only if it is positive. */
  readonly limits: { readonly gate: number; readonly up: number };
}

type K3Layer = Layer<K3Hyperparameters>;

const HEADS: LatentOptions = { isTurned: false, mayLackLowQ: true };

const EXPERTS: MixtureRecipe = { ...STATED_EXPERTS, selectionBias: 'required' };

export const kimiK3 = decoder<K3Hyperparameters>({
  embedding: { label: 'inp_embd' },
  headRules: null,
  layer: mixedLayer,
  experts: EXPERTS,
  output: { weights: 'required', product: 'plain' },
  graphRoom: { perToken: 160, perWeight: 64 },
  adjust: readK3,
});

function readK3(plain: Hyperparameters, reader: MetadataReader): K3Hyperparameters {
  const valueLength = reader.positive('attention.kv_lora_rank');
  const sized = withHeads(withOneShared(plain), () => ({ valueLength }));
  return {
    ...withKimiLayers(sized, reader, reader.integer('attention.q_lora_rank', 0)),
    lowestGate: reader.has('kda.gate_lower_bound') ? reader.number('kda.gate_lower_bound') : null,
    expertWidth: reader.integer('expert_latent_length', 0),
    residualStep: reader.integer('attn_res.block_size'),
    limits: { gate: reader.number('activation.situ_beta'), up: reader.number('activation.situ_linear_beta') },
  };
}

/** Residuals of earlier layers, and what is mixed of them. */
class KeptResiduals {
  /** `[embedding, residuals, tokens]` */
  #kept: Tensor | null = null;

  constructor(readonly step: number) {}

  keep({ ctx }: Scope, x: Tensor): void {
    const one = ctx.reshape(x, [x.ne[0], 1, x.ne[1]]);
    this.#kept = this.#kept === null ? one : ctx.concat(this.#kept, one, 1);
  }

  /** The residual `x` and the kept ones, each by its share; `x` itself if none is kept. */
  mixed(s: Scope, part: string, x: Tensor): Tensor {
    if (this.step === 0) return x;
    const { ctx, hp } = s;
    const weight = s.weight(`${part}.weight`, [hp.embeddingLength]);
    const kept = this.#kept;
    if (kept === null) return x;
    const [, count, tokens] = kept.ne;
    const score = (rows: Tensor): Tensor => ctx.sumRows(ctx.mul(ctx.rmsNorm(rows, hp.norm.epsilon), weight));
    const scores = ctx.concat(ctx.reshape(score(kept), [count, tokens]), score(x), 0);
    const shares = s.named(ctx.softMax(scores), 'res_probs');
    const share = (length: number, first: number): Tensor =>
      ctx.cont(ctx.view(shares, [length, tokens], [shares.nb[1]], first * shares.nb[0]));
    const [ofKept, ofOwn] = [share(count, 0), share(1, count)];
    return ctx.add(ctx.dsv4HcPre(kept, ofKept), ctx.mul(x, ofOwn));
  }
}

function mixedLayer(m: ModelBuilder<K3Hyperparameters>, inputs: DecoderInputs): Block<K3Hyperparameters> {
  const attend = decoderAttention<K3Hyperparameters>({ attention: latentHeads, recurrence: deltaHeads })(m, inputs);
  const { residualStep: step } = m.hp;
  const residuals = new KeptResiduals(step);
  return (s, x) => {
    const { ctx } = s;
    const read = residuals.mixed(s, 'attn_res_score', x);
    const isKept = step > 0 && s.index % step === 0;
    if (isKept) residuals.keep(s, x);
    const result = attend(s, s.expand(s.named(norm(s, 'attn_norm', read), 'attn_norm')));
    const middle = s.named(isKept ? result : ctx.add(x, result), 'prefix_sum_attn');
    const ready = s.named(norm(s, 'ffn_norm', residuals.mixed(s, 'ffn_res_score', middle)), 'ffn_norm');
    const sum = s.named(ctx.add(middle, network(s, ready)), 'l_out');
    return s.isLast ? ctx.getRows(residuals.mixed(m.top, 'output_res_score', sum), inputs.wanted) : sum;
  };
}

function latentHeads(m: ModelBuilder<K3Hyperparameters>, inputs: DecoderInputs): Block<K3Hyperparameters> {
  const access = m.hp.attention.isLatent ? latentAccess(m) : null;
  return (s, x) => {
    const { ctx, hp } = s;
    const result =
      access === null
        ? attended(s, inputs.attention, decompressedHeads(s, x, inputs, HEADS), { scale: hp.attentionScale })
        : attendedCompressed(s, access, inputs, x, HEADS);
    const gate = s.optionalWeight('attn_gate.weight', [x.ne[0], result.ne[0]]);
    const gated = gate === null ? result : s.named(ctx.mul(result, ctx.sigmoid(ctx.mulMat(gate, x))), 'mla_gated');
    return s.named(plainProduct(s, 'attn_output', gated, hp.embeddingLength), 'mla_out');
  };
}

function deltaHeads(_: ModelBuilder<K3Hyperparameters>, { states }: DecoderInputs): Block<K3Hyperparameters> {
  return (s, x) =>
    kimiDelta(s, states, x, {
      gate: () => s.named(fading(s, x), 'kda_g1'),
      opening: () => {
        const length = s.hp.delta.headLength * s.heads.headCount;
        return s.named(inHeads(s, plainProduct(s, 'ssm_g', throughSequences(s, x), length)), 'kda_g2');
      },
      labels: {
        convolved: ['kda_', '_conv'],
        beta: 'kda_beta',
        output: 'kda_scan_out',
        normed: 'kda_normed',
      },
    });
}

/** Logarithm of what is left of a state. */
function fading(s: K3Layer, x: Tensor): Tensor {
  const { ctx, hp } = s;
  const rate = fadingRate(s, x);
  const ne = [s.heads.headCount];
  if (hp.lowestGate === null) return headRate(s, ctx.softplus(rate), ne);
  return ctx.scale(ctx.sigmoid(ctx.scale(headRate(s, rate, ne), -1)), hp.lowestGate);
}

/** Gate and up, both cut softly: the product of silu's soft form and up. */
function limited({ ctx, hp: { limits } }: K3Layer, gate: Tensor, up: Tensor): Tensor {
  const soft = (x: Tensor, limit: number): Tensor => ctx.scale(ctx.tanh(ctx.scale(x, 1 / limit)), limit);
  const opening = ctx.mul(soft(gate, limits.gate), ctx.sigmoid(gate));
  return ctx.mul(opening, limits.up > 0 ? soft(up, limits.up) : up);
}

function network(s: K3Layer, x: Tensor): Tensor {
  if (hasExperts(s, EXPERTS)) return mixture(s, x);
  return s.named(dense(s, x, '', s.feedForwardLength), 'ffn_out');
}

function dense(s: K3Layer, x: Tensor, suffix: string, length: number): Tensor {
  const gate = plainProduct(s, `ffn_gate${suffix}`, x, length);
  const inner = limited(s, gate, plainProduct(s, `ffn_up${suffix}`, x, length));
  return plainProduct(s, `ffn_down${suffix}`, inner, x.ne[0]);
}

/** Experts on shorter rows, and the shared ones on whole rows, if there are any. */
function mixture(s: K3Layer, x: Tensor): Tensor {
  const { ctx, hp } = s;
  const experts = hp.experts!;
  const { length, gating, isNormalised, sharedLength } = experts;
  const isShort = hp.expertWidth > 0;
  const rows = isShort ? plainProduct(s, 'ffn_routed_down', x, hp.expertWidth) : x;
  const scores = s.named(plainProduct(s, 'ffn_gate_inp', x, experts.count), 'ffn_moe_logits');
  const gated = (gate: Tensor, up: Tensor): Tensor => s.named(limited(s, gate, up), 'ffn_moe_situ');
  const options = { experts, length, gating, isNormalised, selectionBias: 'required', gated, scores } as const;
  let sum = expertFeedForward(s, rows, options);
  if (isShort && s.optionalWeight('ffn_routed_norm.weight', [hp.expertWidth]) !== null) {
    sum = norm(s, 'ffn_routed_norm', sum);
  }
  if (isShort) sum = plainProduct(s, 'ffn_routed_up', sum, hp.embeddingLength);
  const hasShared = s.optionalWeight('ffn_gate_shexp.weight', [x.ne[0], sharedLength]) !== null;
  if (hasShared) sum = ctx.add(sum, s.named(dense(s, x, '_shexp', sharedLength), 'ffn_shexp'));
  return s.named(sum, 'ffn_out');
}
