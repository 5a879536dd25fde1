/**
 * A recipe per architecture, in the variants that public models have.
 */
import { Recipe, type Numbers } from './recipe.js';

export interface LlamaNumbers extends Numbers {
  readonly hasRopeFactors?: boolean;
  readonly experts?: number;
}

export function llama(numbers: LlamaNumbers): Recipe {
  const { width, experts, headLength: own } = numbers;
  const recipe = new Recipe('llama', numbers).keys({ expert_count: experts, expert_used_count: experts && 2 });
  const { headLength } = own === undefined ? recipe : recipe.headKeys();
  if (numbers.hasRopeFactors) recipe.vector('rope_freqs.weight', [headLength / 2]);
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]).attention(prefix).vector(`${prefix}ffn_norm.weight`, [width]);
    if (experts === undefined) recipe.feedForward(prefix);
    else recipe.experts(prefix, experts, numbers.feedForward);
  });
}

export interface Phi3Numbers extends Numbers {
  /** Tokens before the context was stretched by LongRope. */
  readonly originalContext?: number;
}

export function phi3(numbers: Phi3Numbers): Recipe {
  const { width, feedForward, originalContext } = numbers;
  const recipe = new Recipe('phi3', numbers).keys({ 'rope.scaling.original_context_length': originalContext });
  if (originalContext !== undefined) {
    const ne = [recipe.headLength / 2];
    recipe.vector('rope_factors_long.weight', ne).vector('rope_factors_short.weight', ne);
  }
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]).attention(prefix, { isFused: true });
    recipe.vector(`${prefix}ffn_norm.weight`, [width]);
    recipe.matrix(`${prefix}ffn_up.weight`, [width, 2 * feedForward]);
    recipe.matrix(`${prefix}ffn_down.weight`, [feedForward, width]);
  });
}

export function qwen2(numbers: Numbers): Recipe {
  const recipe = new Recipe('qwen2', numbers);
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [numbers.width]).attention(prefix, { bias: true });
    recipe.vector(`${prefix}ffn_norm.weight`, [numbers.width]).feedForward(prefix);
  });
}

export interface Qwen3Numbers extends Numbers {
  readonly experts?: number;
  readonly usedExperts?: number;
  readonly expertLength?: number;
}

export function qwen3(numbers: Qwen3Numbers): Recipe {
  const { width, experts, usedExperts, expertLength } = numbers;
  const recipe = new Recipe(experts === undefined ? 'qwen3' : 'qwen3moe', numbers).headKeys();
  recipe.keys({ expert_count: experts, expert_used_count: usedExperts, expert_feed_forward_length: expertLength });
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]).attention(prefix);
    for (const part of ['q', 'k']) recipe.vector(`${prefix}attn_${part}_norm.weight`, [recipe.headLength]);
    recipe.vector(`${prefix}ffn_norm.weight`, [width]);
    if (experts === undefined) recipe.feedForward(prefix);
    else recipe.experts(prefix, experts, expertLength!);
  });
}

export interface GemmaNumbers extends Numbers {
  readonly generation: 2 | 3;
  readonly window: number;
}

export function gemma(numbers: GemmaNumbers): Recipe {
  const { width, generation, window } = numbers;
  const recipe = new Recipe(`gemma${generation}`, { isTied: true, ...numbers }).headKeys();
  recipe.keys({ 'attention.sliding_window': window });
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]).attention(prefix);
    for (const part of generation === 3 ? ['q', 'k'] : []) {
      recipe.vector(`${prefix}attn_${part}_norm.weight`, [recipe.headLength]);
    }
    recipe.vector(`${prefix}post_attention_norm.weight`, [width]).vector(`${prefix}ffn_norm.weight`, [width]);
    recipe.feedForward(prefix).vector(`${prefix}post_ffw_norm.weight`, [width]);
  });
}

export function gpt2(numbers: Numbers): Recipe {
  const { width, feedForward, context } = numbers;
  const recipe = new Recipe('gpt2', numbers, 'layer_norm_epsilon').vector('output_norm.bias', [width]);
  recipe.vector('position_embd.weight', [width, context]);
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]).vector(`${prefix}attn_norm.bias`, [width]);
    recipe.attention(prefix, { isFused: true, bias: true, outputBias: true });
    recipe.vector(`${prefix}ffn_norm.weight`, [width]).vector(`${prefix}ffn_norm.bias`, [width]);
    recipe.matrix(`${prefix}ffn_up.weight`, [width, feedForward]).vector(`${prefix}ffn_up.bias`, [feedForward]);
    recipe.matrix(`${prefix}ffn_down.weight`, [feedForward, width]).vector(`${prefix}ffn_down.bias`, [width]);
  });
}

export interface GptOssNumbers extends Numbers {
  readonly experts: number;
  readonly window: number;
}

export function gptOss(numbers: GptOssNumbers): Recipe {
  const { width, heads, experts, feedForward, window } = numbers;
  const recipe = new Recipe('gpt-oss', numbers).headKeys().keys({
    'attention.sliding_window': window,
    expert_count: experts,
    expert_used_count: 4,
    expert_feed_forward_length: feedForward,
  });
  recipe.keys({ 'rope.dimension_count': recipe.headLength });
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]).attention(prefix, { bias: true, outputBias: true });
    recipe.vector(`${prefix}attn_sinks.weight`, [heads]).vector(`${prefix}post_attention_norm.weight`, [width]);
    recipe.experts(prefix, experts, feedForward).vector(`${prefix}ffn_gate_inp.bias`, [experts]);
    for (const part of ['gate', 'up']) recipe.vector(`${prefix}ffn_${part}_exps.bias`, [feedForward, experts]);
    recipe.vector(`${prefix}ffn_down_exps.bias`, [width, experts]);
  });
}

export interface DeepSeek2Numbers extends Numbers {
  /** Length of compressed queries; without, they aren't compressed. */
  readonly queryRank?: number;
  readonly plainLength: number;
  readonly valueLength: number;
  readonly experts: number;
  readonly usedExperts: number;
  readonly sharedExperts: number;
  readonly expertLength: number;
  readonly denseLayers: number;
  /** Groups of experts, half of which are used. */
  readonly groups?: number;
  /** As V3: sigmoid, normalised shares, a bias for the choice. */
  readonly isV3?: boolean;
  /** Whether the file is from before keys and values were split for absorption. */
  readonly isOld?: boolean;
}

const KV_RANK = 512;
const TURNED_LENGTH = 64;

export function deepseek2(numbers: DeepSeek2Numbers): Recipe {
  const { width, experts, expertLength, sharedExperts, denseLayers, isV3 = false, isOld = false } = numbers;
  const recipe = new Recipe('deepseek2', { ...numbers, kvHeads: isOld ? numbers.heads : 1 });
  recipe.keys(latentKeys(numbers)).keys({
    expert_count: experts,
    expert_used_count: numbers.usedExperts,
    expert_shared_count: sharedExperts,
    expert_feed_forward_length: expertLength,
    expert_group_count: numbers.groups,
    expert_group_used_count: numbers.groups && numbers.groups / 2,
    expert_weights_scale: isV3 ? 2.5 : undefined,
    expert_weights_norm: isV3 || undefined,
    expert_gating_func: isV3 ? 2 : undefined,
    leading_dense_block_count: denseLayers,
  });
  return recipe.layers((prefix, layer) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]);
    latentAttention(recipe, prefix, numbers);
    recipe.vector(`${prefix}ffn_norm.weight`, [width]);
    if (layer < denseLayers) {
      recipe.feedForward(prefix);
      return;
    }
    recipe.experts(prefix, experts, expertLength).feedForward(prefix, expertLength * sharedExperts, '_shexp');
    if (isV3) recipe.vector(`${prefix}exp_probs_b.bias`, [experts]);
  });
}

function latentKeys({
  queryRank,
  plainLength,
  valueLength,
  isOld,
}: DeepSeek2Numbers): Record<string, number | undefined> {
  const keyLength = plainLength + TURNED_LENGTH;
  return {
    'attention.q_lora_rank': queryRank,
    'attention.kv_lora_rank': KV_RANK,
    'rope.dimension_count': TURNED_LENGTH,
    'attention.key_length': isOld ? keyLength : KV_RANK + TURNED_LENGTH,
    'attention.value_length': isOld ? valueLength : KV_RANK,
    'attention.key_length_mla': isOld ? undefined : keyLength,
    'attention.value_length_mla': isOld ? undefined : valueLength,
  };
}

function latentAttention(recipe: Recipe, prefix: string, numbers: DeepSeek2Numbers): void {
  const { width, heads, queryRank, plainLength, valueLength, isOld } = numbers;
  const queryLength = heads * (plainLength + TURNED_LENGTH);
  if (queryRank === undefined) recipe.matrix(`${prefix}attn_q.weight`, [width, queryLength]);
  else {
    recipe.matrix(`${prefix}attn_q_a.weight`, [width, queryRank]).vector(`${prefix}attn_q_a_norm.weight`, [queryRank]);
    recipe.matrix(`${prefix}attn_q_b.weight`, [queryRank, queryLength]);
  }
  recipe.matrix(`${prefix}attn_kv_a_mqa.weight`, [width, KV_RANK + TURNED_LENGTH]);
  recipe.vector(`${prefix}attn_kv_a_norm.weight`, [KV_RANK]);
  if (isOld) recipe.matrix(`${prefix}attn_kv_b.weight`, [KV_RANK, heads * (plainLength + valueLength)]);
  else {
    recipe.matrix(`${prefix}attn_k_b.weight`, [plainLength, KV_RANK, heads]);
    recipe.matrix(`${prefix}attn_v_b.weight`, [KV_RANK, valueLength, heads]);
  }
  recipe.matrix(`${prefix}attn_output.weight`, [heads * valueLength, width]);
}

export interface MambaNumbers extends Omit<Numbers, 'heads' | 'feedForward'> {
  /** As Falcon-Mamba. */
  readonly isNormed?: boolean;
}

const STATE = 16;
const CONVOLUTION = 4;

export function mamba(numbers: MambaNumbers): Recipe {
  const { width } = numbers;
  const [inner, rank] = [2 * width, width / 16];
  const recipe = new Recipe('mamba', { heads: 0, feedForward: 0, isTied: true, ...numbers }).keys({
    'ssm.conv_kernel': CONVOLUTION,
    'ssm.inner_size': inner,
    'ssm.state_size': STATE,
    'ssm.time_step_rank': rank,
    'ssm.dt_b_c_rms': numbers.isNormed,
  });
  return recipe.layers((prefix) => {
    recipe.vector(`${prefix}attn_norm.weight`, [width]).matrix(`${prefix}ssm_in.weight`, [width, 2 * inner]);
    recipe.vector(`${prefix}ssm_conv1d.weight`, [CONVOLUTION, inner]).vector(`${prefix}ssm_conv1d.bias`, [inner]);
    recipe.matrix(`${prefix}ssm_x.weight`, [inner, rank + 2 * STATE]);
    recipe.matrix(`${prefix}ssm_dt.weight`, [rank, inner]).vector(`${prefix}ssm_dt.bias`, [inner]);
    recipe.vector(`${prefix}ssm_a`, [STATE, inner]).vector(`${prefix}ssm_d`, [inner]);
    recipe.matrix(`${prefix}ssm_out.weight`, [inner, width]);
  });
}
