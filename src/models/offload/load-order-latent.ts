/**
 * The order of weights in layers of latent attention and of delta nets.
 *
 * Invariant: as in `load-order.ts`.
 */

/** Names, separated by white space. */
export function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

export const QUERIES_KEYS_VALUES = 'attn_qkv attn_qkv.bias attn_q attn_k attn_v attn_q.bias attn_k.bias attn_v.bias';

const DEEPSEEK2 = words(`
  attn_norm attn_q_a_norm attn_kv_a_norm attn_q_a attn_q_b attn_q attn_kv_a_mqa attn_k_b attn_v_b attn_kv_b
  attn_output ffn_norm ffn_gate ffn_down ffn_up ffn_gate_inp exp_probs_b.bias ffn_down_exps ffn_gate_up_exps
  ffn_gate_exps ffn_up_exps ffn_gate_shexp ffn_down_shexp ffn_up_shexp nextn.eh_proj nextn.enorm nextn.hnorm
  nextn.embed_tokens nextn.shared_head_head nextn.shared_head_norm`);

const KIMI_HEADS = `
  ssm_conv1d_q ssm_conv1d_k ssm_conv1d_v attn_q_a_norm attn_kv_a_norm attn_q_a attn_q_b ${QUERIES_KEYS_VALUES} ssm_f_a
  ssm_f_b ssm_beta ssm_a ssm_dt.bias ssm_g ssm_g_a ssm_g_b ssm_norm attn_kv_a_mqa attn_kv_b attn_k_b attn_v_b attn_gate
  attn_output`;

const QWEN_HYBRID = words(`
  attn_norm post_attention_norm ssm_in ${QUERIES_KEYS_VALUES} attn_output attn_q_norm attn_k_norm attn_gate ssm_conv1d
  ssm_dt.bias ssm_a ssm_ba ssm_beta ssm_alpha ssm_norm ssm_out ffn_gate ffn_down ffn_up ffn_gate_inp ffn_down_exps
  ffn_gate_up_exps ffn_gate_exps ffn_up_exps ffn_gate_inp_shexp ffn_gate_shexp ffn_up_shexp ffn_down_shexp nextn.eh_proj
  nextn.enorm nextn.hnorm nextn.embed_tokens nextn.shared_head_head nextn.shared_head_norm`);

/** By architecture. */
export const LATENT_ORDERS: readonly (readonly [string, readonly string[]])[] = [
  [
    'bailingmoe3',
    words(`
      attn_norm ssm_conv1d_q ssm_conv1d_k ssm_conv1d_v attn_q_a attn_q_a_norm attn_q_b ${QUERIES_KEYS_VALUES} ssm_f_a
      ssm_beta ssm_a ssm_dt.bias ssm_g_a ssm_norm attn_kv_a_mqa attn_kv_a_norm attn_k_b attn_v_b attn_gate attn_output
      ffn_norm ffn_gate ffn_up ffn_down ffn_gate_inp exp_probs_b.bias ffn_gate_exps ffn_up_exps ffn_down_exps
      ffn_gate_shexp ffn_up_shexp ffn_down_shexp nextn.eh_proj nextn.enorm nextn.hnorm layer_output_norm`),
  ],
  [
    'deepseek',
    words(`
      attn_norm ${QUERIES_KEYS_VALUES} attn_output ffn_norm ffn_gate ffn_down ffn_up ffn_gate_inp ffn_gate_exps
      ffn_down_exps ffn_up_exps ffn_gate_shexp ffn_down_shexp ffn_up_shexp`),
  ],
  ['deepseek2', DEEPSEEK2],
  [
    'deepseek2-ocr',
    words(`
      attn_q attn_k attn_v attn_output ffn_norm attn_norm ffn_down ffn_up ffn_gate ffn_gate_inp exp_probs_b.bias
      ffn_down_exps ffn_gate_up_exps ffn_gate_exps ffn_up_exps ffn_gate_shexp ffn_down_shexp ffn_up_shexp`),
  ],
  [
    'kimi-k3',
    words(`
      attn_norm ffn_norm attn_res_score ffn_res_score ${KIMI_HEADS} ffn_gate ffn_down ffn_up ffn_gate_inp
      exp_probs_b.bias ffn_gate_exps ffn_down_exps ffn_up_exps ffn_routed_down ffn_routed_up ffn_routed_norm
      ffn_gate_shexp ffn_down_shexp ffn_up_shexp`),
  ],
  [
    'kimi-linear',
    words(`
      attn_norm ${KIMI_HEADS} ffn_norm ffn_gate ffn_down ffn_up ffn_gate_inp ffn_gate_exps ffn_down_exps ffn_up_exps
      ffn_gate_shexp ffn_down_shexp ffn_up_shexp exp_probs_b.bias`),
  ],
  [
    'minicpm3',
    words(`
      attn_norm attn_q_a_norm attn_kv_a_norm attn_q_a attn_q_b attn_kv_a_mqa attn_kv_b attn_output ffn_norm ffn_gate
      ffn_down ffn_up rope_factors_long rope_factors_short`),
  ],
  [
    'minimax-01',
    words(`
      attn_norm attn_norm_2 ${QUERIES_KEYS_VALUES} attn_gate attn_output ffn_norm ffn_gate_inp ffn_gate_exps
      ffn_down_exps ffn_up_exps`),
  ],
  ['mistral4', DEEPSEEK2],
  ['plm', words('attn_norm attn_q attn_kv_a_mqa attn_kv_a_norm attn_kv_b attn_output ffn_norm ffn_down ffn_up')],
  ['qwen35', QWEN_HYBRID],
  ['qwen35moe', QWEN_HYBRID],
  ['qwen3next', QWEN_HYBRID],
];
