/**
 * Small models as GGUF headers, for what the real ones don't show.
 */
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf } from '../../src/gguf/types.js';
import { metadataOf, writeGguf, type WrittenTensor } from './gguf-writer.js';

export type Values = Readonly<Record<string, string | number | boolean>>;

/** What to change in a model: undefined takes away. */
export interface Changes {
  readonly metadata?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly tensors?: Readonly<Record<string, readonly number[] | undefined>>;
}

const LENGTH = 256;
const VOCABULARY = 512;
const LAYERS = 4;

/** A Llama of four layers: width 256, four heads of 64 with two for keys and values, 512 tokens. */
export function tinyLlama(changes: Changes = {}): Promise<Gguf> {
  return tinyModel(
    'llama',
    { 'rope.dimension_count': 64 },
    (layer) => ({ ...attention(layer), ...gated(layer, 'ffn_norm') }),
    changes,
  );
}

/** A Phi-3 with factors for short and long contexts, stretched from 512 to 4096 tokens. */
export function tinyPhi3(changes: Changes = {}): Promise<Gguf> {
  return tinyModel(
    'phi3',
    { 'rope.dimension_count': 64, 'rope.scaling.original_context_length': 512 },
    (layer) => ({
      [`${layer}.attn_norm.weight`]: [LENGTH],
      [`${layer}.attn_qkv.weight`]: [LENGTH, LENGTH + 2 * 128],
      [`${layer}.attn_output.weight`]: [LENGTH, LENGTH],
      [`${layer}.ffn_norm.weight`]: [LENGTH],
      [`${layer}.ffn_up.weight`]: [LENGTH, 2 * 768],
      [`${layer}.ffn_down.weight`]: [768, LENGTH],
    }),
    {
      ...changes,
      tensors: { 'rope_factors_long.weight': [32], 'rope_factors_short.weight': [32], ...changes.tensors },
    },
  );
}

/** A Gemma 2 whose layers 0 and 2 see 512 tokens only. */
export function tinyGemma2(changes: Changes = {}): Promise<Gguf> {
  return tinyModel(
    'gemma2',
    { 'rope.dimension_count': 64, 'attention.sliding_window': 512 },
    (layer) => ({
      ...attention(layer),
      ...gated(layer, 'ffn_norm'),
      [`${layer}.post_attention_norm.weight`]: [LENGTH],
      [`${layer}.post_ffw_norm.weight`]: [LENGTH],
    }),
    changes,
  );
}

function attention(layer: string): Record<string, readonly number[]> {
  return {
    [`${layer}.attn_norm.weight`]: [LENGTH],
    [`${layer}.attn_q.weight`]: [LENGTH, LENGTH],
    [`${layer}.attn_k.weight`]: [LENGTH, 128],
    [`${layer}.attn_v.weight`]: [LENGTH, 128],
    [`${layer}.attn_output.weight`]: [LENGTH, LENGTH],
  };
}

function gated(layer: string, norm: string): Record<string, readonly number[]> {
  return {
    [`${layer}.${norm}.weight`]: [LENGTH],
    [`${layer}.ffn_gate.weight`]: [LENGTH, 768],
    [`${layer}.ffn_up.weight`]: [LENGTH, 768],
    [`${layer}.ffn_down.weight`]: [768, LENGTH],
  };
}

async function tinyModel(
  architecture: string,
  keys: Values,
  layer: (prefix: string) => Record<string, readonly number[]>,
  changes: Changes,
): Promise<Gguf> {
  const common = {
    context_length: 4096,
    embedding_length: LENGTH,
    block_count: LAYERS,
    'attention.head_count': 4,
    'attention.head_count_kv': 2,
    'attention.layer_norm_rms_epsilon': 0.5,
    feed_forward_length: 768,
    vocab_size: VOCABULARY,
    ...keys,
  };
  const own = Object.fromEntries(Object.entries(common).map(([key, value]) => [`${architecture}.${key}`, value]));
  const metadata = present({ 'general.architecture': architecture, ...own, ...changes.metadata });
  const shapes: Record<string, readonly number[] | undefined> = {
    'token_embd.weight': [LENGTH, VOCABULARY],
    'output_norm.weight': [LENGTH],
  };
  for (let index = 0; index < LAYERS; index++) Object.assign(shapes, layer(`blk.${index}`));
  Object.assign(shapes, changes.tensors);
  const tensors = Object.entries(present(shapes)).map(([name, ne]): WrittenTensor => ({ name, ne, type: 'f32' }));
  return readGguf(writeGguf({ metadata: metadataOf(metadata), tensors }));
}

function present<T>(values: Readonly<Record<string, T | undefined>>): Record<string, T> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, T] => entry[1] !== undefined));
}
