/**
 * What llama.cpp knows of each kind of weight: the part of a model that it belongs to, and the operation that reads it.
 *
 * Invariant: rows are those of `llama-arch.cpp` in build 10573, for every architecture but WavTokenizer's convolutions,
 * whose test operations have other operands. A kind is the name of a tensor without the number of its layer and without
 * `.weight`, `.bias` or the like.
 */
import { named } from '../../errors.js';
import { badTensor } from '../weights.js';

/** `input`: read before all layers; `output`: read after them; `layer`: read in one of them. */
export type ModelPart = 'input' | 'layer' | 'output';

/** The operation by which a device is asked whether it can compute with a weight. */
export type TestOperation =
  | 'IM2COL'
  | 'GET_ROWS'
  | 'MUL_MAT'
  | 'MUL_MAT_ID'
  | 'ADD'
  | 'ADD_ID'
  | 'MUL'
  | 'DIV'
  | 'ROPE'
  | 'SCALE'
  | 'SSM_CONV'
  | 'SSM_SCAN'
  | 'RWKV_WKV6';

/** Kinds that are alike. */
interface TensorKinds {
  readonly part: ModelPart;
  readonly operation: TestOperation;
  /** Separated by white space. */
  readonly names: string;
}

const TENSOR_KINDS: readonly TensorKinds[] = [
  { part: 'input', operation: 'GET_ROWS', names: 'token_embd position_embd token_types per_layer_token_embd' },
  {
    part: 'output',
    operation: 'MUL_MAT',
    names: `
    output cls cls.output dense_2 dense_3 output_hc_fn altup_proj altup_unembd_proj nextn.post_projection fc
    markov_w2 conf_proj`,
  },
  {
    part: 'output',
    operation: 'MUL',
    names: 'output_norm cls.norm dec.output_norm enc.output_norm output_hc_scale output_res_score',
  },
  { part: 'output', operation: 'ADD', names: 'output_hc_base' },
  { part: 'output', operation: 'GET_ROWS', names: 'd2t markov_w1' },
  { part: 'layer', operation: 'ROPE', names: 'rope_freqs rope_factors_long rope_factors_short' },
  {
    part: 'layer',
    operation: 'MUL_MAT',
    names: `
    attn_q attn_k attn_v attn_o attn_qkv attn_output attn_gate attn_q_a attn_q_b attn_kv_a_mqa attn_kv_b attn_kv
    attn_output_a attn_output_b attn_k_b attn_v_b attn_compressor_kv attn_compressor_gate cross_attn_q
    cross_attn_k cross_attn_v cross_attn_o vis_attn_qkv vis_attn_output hc_attn_fn hc_ffn_fn
    ffn_gate ffn_down ffn_up ffn_gate_inp ffn_gate_inp_shexp ffn_gate_shexp ffn_down_shexp ffn_up_shexp
    ffn_routed_down ffn_routed_up ffn_latent_down ffn_latent_up vis_gate vis_down vis_up
    ssm_in ssm_x ssm_dt ssm_out ssm_alpha ssm_ba ssm_beta ssm_f_a ssm_f_b ssm_g_a ssm_g ssm_g_b
    time_mix_w1 time_mix_w2 time_mix_a1 time_mix_a2 time_mix_v1 time_mix_v2 time_mix_g1 time_mix_g2
    time_mix_decay_w1 time_mix_decay_w2 time_mix_key time_mix_value time_mix_receptance time_mix_gate
    time_mix_output channel_mix_key channel_mix_receptance channel_mix_value
    per_layer_model_proj inp_gate proj altup_correct_coef altup_predict_coef altup_router laurel_l laurel_r
    pw1 pw2 shortconv.in_proj shortconv.out_proj indexer.proj indexer.attn_k indexer.attn_q_b indexer.q_proj
    indexer.k_proj indexer_compressor_kv indexer_compressor_gate nextn.pre_projection nextn.eh_proj
    nextn.shared_head_head`,
  },
  {
    part: 'layer',
    operation: 'MUL_MAT_ID',
    names: `
    ffn_down_exps ffn_gate_exps ffn_up_exps ffn_gate_up_exps ffn_down_chexps ffn_gate_chexps ffn_up_chexps`,
  },
  {
    part: 'layer',
    operation: 'MUL',
    names: `
    token_embd_norm attn_norm attn_norm_2 attn_output_norm post_attention_norm attn_q_norm attn_k_norm
    attn_q_a_norm attn_kv_a_norm attn_sub_norm attn_compressor_norm cross_attn_norm attn_res_score
    ffn_norm pre_ffw_norm_2 post_ffw_norm_1 post_ffw_norm_2 post_ffw_norm ffn_norm_exps ffn_sub_norm
    ffn_res_score ffn_routed_norm layer_output_norm layer_output_scale hc_attn_scale hc_ffn_scale
    ssm_dt_norm ssm_b_norm ssm_c_norm ssm_d ssm_norm ssm_conv1d_q ssm_conv1d_k ssm_conv1d_v
    time_mix_lerp_x time_mix_ln channel_mix_lerp_k channel_mix_lerp_r time_mix_k_k time_mix_k_a time_mix_r_k
    per_layer_proj_norm post_norm altup_correct_scale altup_router_norm laurel_post_norm norm norm1 norm2 gamma
    indexer.k_norm indexer.q_norm indexer_compressor_norm nextn.enorm nextn.hnorm nextn.shared_head_norm`,
  },
  {
    part: 'layer',
    operation: 'ADD',
    names: `
    hc_attn_base hc_ffn_base exp_probs_b time_mix_lerp_w time_mix_lerp_k time_mix_lerp_v time_mix_lerp_r
    time_mix_lerp_g time_mix_lerp_fused time_mix_decay time_mix_w0 time_mix_a0 time_mix_v0`,
  },
  {
    part: 'layer',
    operation: 'GET_ROWS',
    names: 'attn_compressor_ape attn_rel_b indexer_compressor_ape ffn_gate_tid2eid nextn.embed_tokens',
  },
  { part: 'layer', operation: 'SCALE', names: 'attn_sinks' },
  { part: 'layer', operation: 'DIV', names: 'ffn.act' },
  { part: 'layer', operation: 'IM2COL', names: 'conv1d conv1 conv2 dw' },
  { part: 'layer', operation: 'SSM_CONV', names: 'ssm_conv1d shortconv.conv' },
  { part: 'layer', operation: 'SSM_SCAN', names: 'ssm_a' },
  { part: 'layer', operation: 'RWKV_WKV6', names: 'time_mix_first' },
];

/** Kinds that some architectures read as another kind: the final norm, and a rate of fading without a scan. */
const READ_AS: ReadonlyMap<string, Readonly<Record<string, string>>> = new Map<string, Record<string, string>>([
  ['lfm2', { token_embd_norm: 'output_norm' }],
  ['lfm2moe', { token_embd_norm: 'output_norm' }],
  ['qwen35', { ssm_a: 'ssm_norm' }],
  ['qwen35moe', { ssm_a: 'ssm_norm' }],
  ['qwen3next', { ssm_a: 'ssm_norm' }],
]);

const BY_NAME = new Map(
  TENSOR_KINDS.flatMap(({ part, operation, names }) =>
    names
      .trim()
      .split(/\s+/)
      .map((name) => [name, { part, operation }] as const),
  ),
);

/** The operation that reads a part of a weight, by the end of its name, where that is not the weight's own. */
const BY_SUFFIX: Readonly<Record<string, (own: TestOperation) => TestOperation>> = {
  bias: (own) => (own === 'MUL_MAT_ID' ? 'ADD_ID' : 'ADD'),
  lora_a: () => 'MUL_MAT_ID',
  lora_b: () => 'MUL_MAT_ID',
};

/** One reading of a weight. */
export interface WeightUse {
  readonly part: ModelPart;
  readonly operation: TestOperation;
  /** The layer that reads it; null if it is no part of a layer, or if every layer reads it. */
  readonly layer: number | null;
  /** Whether every layer reads it. */
  readonly isShared: boolean;
}

/**
 * How llama.cpp reads the weights of an architecture, by name. The same names come in every layer, so each is looked up
 * once without the number of its layer.
 *
 * @returns a function that throws PlannerError `BAD_MODEL` if no row is for a name
 */
export function weightUses(architecture: string): (name: string) => WeightUse {
  const readAs = READ_AS.get(architecture) ?? {};
  const kinds = new Map<string, Kind | null>();
  return (name) => {
    const [, layer, inLayer] = /^(?:(?:enc|dec)\.)?(?:blk|posnet|convnext)\.(\d+)\.(.+)$/.exec(name) ?? [];
    const rest = inLayer ?? name;
    let kind = kinds.get(rest);
    if (kind === undefined) kinds.set(rest, (kind = kindOf(rest, readAs)));
    if (kind === null) {
      const message = `${named(name)} is a kind of weight that this library does not know, so it cannot say which device gets it.`;
      throw badTensor(message, name, 'in the file', 'a kind of weight that this library knows');
    }
    const { part, operation } = kind;
    const isShared = kind.isTurn && layer === undefined;
    // Weights of layers that stand outside of them are read in the first one.
    const first = part === 'layer' && !isShared ? 0 : null;
    return { part, operation, layer: layer === undefined ? first : Number(layer), isShared };
  };
}

/** What the name of a weight says without the number of a layer. */
interface Kind extends Pick<WeightUse, 'part' | 'operation'> {
  /** Whether it turns heads, as all layers do with one list. */
  readonly isTurn: boolean;
}

/** Null if no row is for the name. */
function kindOf(name: string, readAs: Readonly<Record<string, string>>): Kind | null {
  const [, kind, suffix = ''] = /^(.+?)(?:\.(weight|bias|scales?|input_scale|lora_[ab]))?$/.exec(name)!;
  const row = BY_NAME.get(readAs[kind] ?? kind);
  if (row === undefined) return null;
  const { part, operation } = row;
  const own = suffix in BY_SUFFIX ? BY_SUFFIX[suffix](operation) : operation;
  return { part, operation: own, isTurn: operation === 'ROPE' };
}

/** How the table of token embeddings is read where it is the matrix of the output, too. */
export const TIED_OUTPUT: WeightUse = { part: 'output', operation: 'MUL_MAT', layer: null, isShared: false };
