/**
 * Which tensors of a file llama.cpp loads: not all that are listed, and some of them twice.
 *
 * Invariant: the result equals that of the loader of build 10573 on a CPU, for every architecture that llama.cpp knows,
 * even if the library cannot build its graph.
 */
import type { Gguf, GgufTensor } from '../gguf/types.js';

/** Tensors that are loaded even for layers that predict further tokens: the loader forgets to skip them. */
const FUSED_EXPERTS = /^ffn_gate_up_exps\./;

/**
 * Architectures that may have layers that predict further tokens, and the pattern of the other tensors that are loaded
 * of these layers; null if there are none.
 */
const PREDICT_LAYER_TENSORS: ReadonlyMap<string, RegExp | null> = new Map([
  ...[
    'bailingmoe2',
    'bailingmoe3',
    'deepseek2',
    'deepseek4',
    'dots3note',
    'exaone-moe',
    'exaone4',
    'glm4',
    'glm4moe',
    'mimo2',
    'mistral4',
    'nemotron_h',
    'nemotron_h_moe',
    'qwen35',
    'qwen35moe',
    'qwen3next',
  ].map((architecture) => [architecture, null] as const),
  ['cohere2moe', /^nextn\.(embed_tokens|shared_head_(head|norm))\./],
  ['deepseek32', /^exp_probs_b\./],
  ['glm-dsa', /^exp_probs_b\./],
  ['hy_v3', /^(nextn\.(embed_tokens|shared_head_(head|norm))|exp_probs_b|ffn_(?!norm))/],
  ['step35', /^(nextn\.(embed_tokens|shared_head_(head|norm))|exp_probs_b|ffn_(?!norm)|attn_([qk]_norm|gate))/],
]);

/** Of these, the architectures of which llama.cpp never loads the layers that predict further tokens. */
const NEVER_LOADED: ReadonlySet<string> = new Set([
  'bailingmoe2',
  'dots3note',
  'exaone-moe',
  'exaone4',
  'glm4',
  'glm4moe',
]);

/** Tensors that no operation reads. */
const UNREAD = /^(masked_embd_(centroids|ordering)|dec\.blk\.\d+\.cross_attn_rel_b)(\.|$)/;

/** Tables that are loaded twice if their counterpart is missing: the loader takes the table in its place, too. */
const TIES: ReadonlyMap<string, { readonly table: string; readonly missing: string }> = new Map([
  ['codeshell', { table: 'output.weight', missing: 'token_embd.weight' }],
  ['gemma3n', { table: 'token_embd.weight', missing: 'output.weight' }],
  ['gemma4', { table: 'token_embd.weight', missing: 'output.weight' }],
]);

/**
 * The tensors that are loaded, in the file's order; a tensor that is loaded twice comes twice. O(tensors).
 *
 * @param loadsPredictLayers whether the layers that predict further tokens are asked for
 */
export function loadedTensors(gguf: Gguf, loadsPredictLayers = false): readonly GgufTensor[] {
  const { metadata, tensors } = gguf;
  const architecture = String(metadata['general.architecture']);
  const kept = PREDICT_LAYER_TENSORS.get(architecture);
  const isWhole = kept === undefined || (loadsPredictLayers && !NEVER_LOADED.has(architecture));
  const first = isWhole ? Infinity : firstPredictLayer(gguf, architecture);
  const isLoaded = ({ name }: GgufTensor): boolean => {
    const [, layer, rest] = (first === Infinity ? null : /^blk\.(\d+)\.(.+)$/.exec(name)) ?? [];
    if (layer !== undefined && Number(layer) >= first) return FUSED_EXPERTS.test(rest) || kept?.test(rest) === true;
    return !UNREAD.test(name);
  };
  const copy = loadedTwice(gguf);
  return [...tensors.filter(isLoaded), ...(copy === undefined ? [] : [copy])];
}

/** The tensor that is loaded twice, if there is one. O(tensors). */
export function loadedTwice({ metadata, tensors }: Gguf): GgufTensor | undefined {
  const tie = TIES.get(String(metadata['general.architecture']));
  if (tie === undefined || tensors.some(({ name }) => name === tie.missing)) return undefined;
  return tensors.find(({ name }) => name === tie.table);
}

/**
 * The first layer that predicts further tokens. A file of DeepSeek-V4 that leaves these layers to another file does not
 * count them.
 */
function firstPredictLayer({ metadata, tensors }: Gguf, architecture: string): number {
  const [all, predicting] = ['block_count', 'nextn_predict_layers'].map((key) => metadata[`${architecture}.${key}`]);
  const first = Number(all) - Number(predicting ?? 0);
  const projection = `blk.${first}.nextn.eh_proj.weight`;
  const isCounted = architecture !== 'deepseek4' || tensors.some(({ name }) => name === projection);
  return isCounted && Number(predicting ?? 0) > 0 ? first : Infinity;
}
