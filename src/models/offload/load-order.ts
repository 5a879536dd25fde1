/**
 * The order in which llama.cpp makes a model's weights, which decides where a buffer of limited size ends.
 *
 * Invariant: rows follow `load_arch_tensors` of the architectures that the library builds, in build 10573.
 */
import { LATENT_ORDERS, QUERIES_KEYS_VALUES, words } from './load-order-latent.js';

/** Weights outside of layers. Names are without `.weight`. */
const OUTSIDE = words(`
  token_embd token_embd_norm token_embd_norm.bias position_embd token_types output_norm output_norm.bias output output.bias output_res_score cls.output dense_2 dense_3`);

const HEAD_SCAN = 'ssm_in ssm_conv1d ssm_conv1d.bias ssm_dt.bias ssm_a ssm_d ssm_norm ssm_out';

/** Weights of a layer, where an architecture has no row of its own. */
const IN_LAYER = words(`
  attn_norm ${QUERIES_KEYS_VALUES} attn_output attn_output.bias attn_k_norm attn_q_norm ffn_norm
  rope_factors_long rope_factors_short rope_freqs ffn_gate ffn_down ffn_up ffn_gate.bias ffn_down.bias ffn_up.bias
  ffn_gate_inp ffn_gate_exps ffn_down_exps ffn_up_exps ffn_gate_shexp ffn_up_shexp ffn_down_shexp`);

const GEMMA = words(`
  attn_norm ${QUERIES_KEYS_VALUES} attn_output post_attention_norm attn_k_norm attn_q_norm ffn_norm ffn_gate ffn_up
  ffn_down post_ffw_norm`);

const LFM2 = words(`
  ffn_norm ffn_gate_inp ffn_gate_exps ffn_down_exps ffn_up_exps exp_probs_b.bias ffn_gate ffn_down ffn_up attn_norm
  attn_q_norm attn_k_norm ${QUERIES_KEYS_VALUES} attn_output shortconv.conv shortconv.in_proj shortconv.out_proj`);

const NEMOTRON_H = words(`
  attn_norm ${HEAD_SCAN} ${QUERIES_KEYS_VALUES} attn_output attn_output.bias ffn_gate_inp exp_probs_b.bias ffn_latent_down
  ffn_latent_up ffn_down_exps ffn_up_exps ffn_down_shexp ffn_up_shexp ffn_down ffn_up ffn_down.bias ffn_up.bias`);

const RWKV6 = words(`
  attn_norm attn_norm.bias attn_norm_2 attn_norm_2.bias time_mix_w1 time_mix_w2 time_mix_lerp_x time_mix_lerp_w
  time_mix_lerp_k time_mix_lerp_v time_mix_lerp_r time_mix_lerp_g time_mix_lerp_fused time_mix_first time_mix_decay
  time_mix_decay_w1 time_mix_decay_w2 time_mix_key time_mix_value time_mix_receptance time_mix_gate time_mix_key.bias
  time_mix_value.bias time_mix_receptance.bias time_mix_ln time_mix_ln.bias time_mix_output channel_mix_lerp_k
  channel_mix_lerp_r channel_mix_key channel_mix_value channel_mix_receptance ffn_norm ffn_gate ffn_down ffn_up`);

const RWKV7 = words(`
  attn_norm attn_norm.bias attn_norm_2 attn_norm_2.bias time_mix_w0 time_mix_w1 time_mix_w2 time_mix_a0 time_mix_a1
  time_mix_a2 time_mix_v0 time_mix_v1 time_mix_v2 time_mix_g1 time_mix_g2 time_mix_lerp_fused time_mix_k_k time_mix_k_a
  time_mix_r_k time_mix_key time_mix_value time_mix_receptance time_mix_ln time_mix_ln.bias time_mix_output
  channel_mix_lerp_k channel_mix_key channel_mix_value ffn_norm ffn_gate ffn_down ffn_up`);

const BY_ARCHITECTURE: ReadonlyMap<string, readonly string[]> = new Map([
  ...LATENT_ORDERS,
  [
    'apertus',
    words(`
      attn_norm rope_factors_long rope_factors_short rope_freqs ${QUERIES_KEYS_VALUES} attn_output attn_output.bias
      ffn_norm ffn_down ffn_up attn_q_norm attn_q_norm.bias attn_k_norm attn_k_norm.bias`),
  ],
  [
    'arctic',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output ffn_norm ffn_gate ffn_down ffn_up ffn_gate_inp ffn_norm_exps
      ffn_gate_exps ffn_down_exps ffn_up_exps`),
  ],
  ['arwkv7', RWKV7],
  [
    'bailingmoe',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output ffn_norm ffn_gate_inp ffn_gate_exps ffn_down_exps ffn_up_exps
      ffn_gate_shexp ffn_down_shexp ffn_up_shexp`),
  ],
  [
    'bailingmoe2',
    words(`
      attn_norm attn_qkv attn_output attn_q_norm attn_k_norm ffn_norm ffn_gate_inp exp_probs_b.bias ffn_gate_exps
      ffn_down_exps ffn_up_exps ffn_gate_shexp ffn_down_shexp ffn_up_shexp ffn_gate ffn_down ffn_up nextn.eh_proj
      nextn.embed_tokens nextn.enorm nextn.hnorm nextn.shared_head_head nextn.shared_head_norm layer_output_norm`),
  ],
  [
    'bitnet',
    words(`
      attn_norm attn_sub_norm attn_q attn_q.scale attn_k attn_k.scale attn_v attn_v.scale attn_output
      attn_output.scale ffn_norm ffn_sub_norm ffn_gate ffn_gate.scale ffn_down ffn_down.scale ffn_up ffn_up.scale`),
  ],
  [
    'chameleon',
    words(`
      attn_norm attn_q_norm attn_k_norm attn_q_norm.bias attn_k_norm.bias ${QUERIES_KEYS_VALUES} attn_output ffn_norm
      ffn_gate ffn_down ffn_up`),
  ],
  [
    'codeshell',
    words(`
      attn_norm attn_norm.bias ${QUERIES_KEYS_VALUES} attn_output attn_output.bias ffn_norm ffn_norm.bias ffn_down
      ffn_down.bias ffn_up ffn_up.bias`),
  ],
  [
    'cogvlm',
    words(`
      attn_norm attn_qkv attn_output vis_attn_qkv vis_attn_output rope_freqs ffn_norm ffn_gate ffn_down ffn_up vis_gate
      vis_down vis_up`),
  ],
  [
    'ernie4_5-moe',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output attn_output.bias ffn_norm ffn_gate_inp exp_probs_b.bias ffn_gate_exps
      ffn_down_exps ffn_up_exps ffn_gate_shexp ffn_down_shexp ffn_up_shexp ffn_gate ffn_down ffn_up`),
  ],
  [
    'falcon',
    words(`
      attn_norm attn_norm.bias attn_norm_2 attn_norm_2.bias attn_qkv attn_output ffn_down ffn_up`),
  ],
  [
    'falcon-h1',
    words(`
      ${HEAD_SCAN} ${QUERIES_KEYS_VALUES} attn_output attn_output.bias attn_norm ffn_norm rope_freqs ffn_gate ffn_down
      ffn_up ffn_gate.bias ffn_down.bias ffn_up.bias`),
  ],
  ['gemma2', GEMMA],
  ['gemma3', GEMMA],
  [
    'gpt-oss',
    words(`
      attn_norm post_attention_norm ${QUERIES_KEYS_VALUES} attn_output attn_sinks ffn_gate_inp ffn_gate_exps
      ffn_down_exps ffn_up_exps attn_output.bias ffn_gate_inp.bias ffn_gate_exps.bias ffn_down_exps.bias
      ffn_up_exps.bias`),
  ],
  [
    'gpt2',
    words(`
      attn_norm attn_norm.bias attn_qkv attn_qkv.bias attn_output attn_output.bias ffn_norm ffn_norm.bias ffn_down
      ffn_down.bias ffn_up ffn_up.bias`),
  ],
  [
    'granitehybrid',
    words(`
      attn_norm ${HEAD_SCAN} ${QUERIES_KEYS_VALUES} attn_output attn_output.bias ffn_norm rope_freqs ffn_gate_inp
      ffn_gate_exps ffn_down_exps ffn_up_exps ffn_gate_shexp ffn_up_shexp ffn_down_shexp ffn_gate ffn_down ffn_up
      ffn_gate.bias ffn_down.bias ffn_up.bias`),
  ],
  [
    'grok',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output attn_output_norm ffn_norm ffn_gate ffn_down ffn_up ffn_gate_inp
      ffn_gate_exps ffn_down_exps ffn_up_exps layer_output_norm post_ffw_norm`),
  ],
  [
    'grovemoe',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output attn_k_norm attn_q_norm ffn_norm ffn_gate_inp ffn_gate_exps
      ffn_down_exps ffn_up_exps ffn_gate_chexps ffn_down_chexps ffn_up_chexps`),
  ],
  [
    'hy_v3',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output attn_q_norm attn_k_norm ffn_norm ffn_gate ffn_down ffn_up ffn_gate_inp
      exp_probs_b ffn_down_exps ffn_gate_up_exps ffn_gate_exps ffn_up_exps ffn_gate_shexp ffn_up_shexp ffn_down_shexp
      nextn.embed_tokens nextn.shared_head_head nextn.shared_head_norm`),
  ],
  [
    'jais2',
    words(`
      attn_norm attn_norm.bias attn_q attn_k attn_v attn_output attn_q.bias attn_k.bias attn_v.bias attn_output.bias
      ffn_norm ffn_norm.bias ffn_up ffn_up.bias ffn_down ffn_down.bias`),
  ],
  [
    'jamba',
    words(`
      attn_norm ssm_in ssm_conv1d ssm_conv1d.bias ssm_x ssm_dt_norm ssm_dt ssm_dt.bias ssm_b_norm ssm_c_norm ssm_a ssm_d
      ssm_out ${QUERIES_KEYS_VALUES} attn_output ffn_norm ffn_gate_inp ffn_gate_exps ffn_down_exps ffn_up_exps ffn_gate
      ffn_down ffn_up`),
  ],
  ['lfm2', LFM2],
  ['lfm2moe', LFM2],
  [
    'mamba',
    words(`
      attn_norm ssm_in ssm_conv1d ssm_conv1d.bias ssm_x ssm_dt ssm_dt.bias ssm_a ssm_d ssm_out`),
  ],
  ['mamba2', words(`attn_norm ${HEAD_SCAN}`)],
  [
    'mpt',
    words(`
      attn_norm attn_norm.bias attn_qkv attn_qkv.bias attn_output attn_output.bias ffn_norm ffn_norm.bias ffn_down
      ffn_down.bias ffn_up ffn_up.bias attn_q_norm attn_q_norm.bias attn_k_norm attn_k_norm.bias ffn.act.scales`),
  ],
  [
    'nanbeige',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output rope_freqs ffn_norm ffn_gate ffn_down ffn_up`),
  ],
  ['nemotron_h', NEMOTRON_H],
  ['nemotron_h_moe', NEMOTRON_H],
  [
    'olmoe',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output attn_q_norm attn_k_norm ffn_norm ffn_gate_inp ffn_gate_exps
      ffn_down_exps ffn_up_exps`),
  ],
  [
    'openelm',
    words(`
      attn_norm attn_qkv attn_q_norm attn_k_norm attn_output ffn_norm ffn_gate ffn_down ffn_up`),
  ],
  [
    'phi3',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output ffn_norm ffn_down ffn_up rope_factors_long rope_factors_short`),
  ],
  [
    'plamo2',
    words(`
      attn_norm ssm_in ssm_conv1d ssm_x ssm_dt ssm_dt.bias ssm_a ssm_d ssm_out ssm_dt_norm ssm_b_norm ssm_c_norm
      attn_qkv attn_q_norm attn_k_norm attn_output post_attention_norm ffn_norm ffn_down ffn_up post_ffw_norm`),
  ],
  ['rwkv6', RWKV6],
  ['rwkv6qwen2', RWKV6],
  ['rwkv7', RWKV7],
  ['seed_oss', words(`${QUERIES_KEYS_VALUES} attn_output attn_norm post_attention_norm ffn_gate ffn_up ffn_down`)],
  [
    'stablelm',
    words(`
      attn_norm attn_norm.bias ${QUERIES_KEYS_VALUES} attn_output attn_q_norm attn_k_norm ffn_norm ffn_norm.bias
      ffn_gate ffn_down ffn_up`),
  ],
  [
    'talkie',
    words(`
      ${QUERIES_KEYS_VALUES} attn_output attn_q_norm ffn_gate ffn_up ffn_down layer_output_scale`),
  ],
]);

/** When a weight is made: weights are sorted by these numbers, the first one first. */
export type LoadTime = readonly [round: number, layer: number, position: number];

/** Scales, and what no row names, are made after all other weights. */
const LATE = 2;

/**
 * Says of a weight when it is made for a layer, or for no layer (null); the table of token embeddings that is the
 * matrix of the output, too, by the name `output.weight`.
 */
export function loadTimes(architecture: string): (name: string, layer: number | null) => LoadTime {
  const [outside, inLayer] = [OUTSIDE, BY_ARCHITECTURE.get(architecture) ?? IN_LAYER].map(
    (row) => new Map(row.map((name, position) => [name, position])),
  );
  return (name, layer) => {
    const short = name.replace(/^blk\.\d+\./, '').replace(/\.weight$/, '');
    const own = layer === null ? undefined : inLayer.get(short);
    if (own !== undefined) return [1, layer!, own];
    const position = outside.get(short);
    return position === undefined ? [LATE, layer ?? 0, 0] : [0, 0, position];
  };
}
