/**
 * Small headers with a layer that predicts further tokens, made of one of the other layers.
 */
import type { Gguf, GgufValue } from '../../src/gguf/types.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { changedHeader, type HeaderChange } from './changed-header.js';
import { sharedPath } from './shared-data.js';

interface PredictRow {
  /** The layer whose tensors are copied. Default: the last one. */
  readonly like?: number;
  /** Tensors of that layer that are not copied. */
  readonly drop?: RegExp;
  /** Keys whose lists have an entry for each layer, and the entry of the new layer. */
  readonly lists?: Readonly<Record<string, number>>;
  /** Tensors that only this layer has, besides those of all such layers. */
  readonly own?: Readonly<Record<string, readonly number[]>>;
}

/** What differs from one architecture to the next. */
const ROWS: Readonly<Record<string, PredictRow>> = {
  bailingmoe3: {
    like: 0,
    drop: /^ffn_(gate|up|down)\./,
    lists: { 'attention.head_count': 1, 'attention.head_count_kv': 1, swiglu_clamp_exp: 0, swiglu_clamp_shexp: 0 },
    own: { 'layer_output_norm.weight': [128] },
  },
  cohere2moe: {},
  deepseek32: {},
  deepseek4: { drop: /compressor|indexer/, lists: { 'attention.compress_ratios': 0 } },
  hy_v3: {},
  mimo2: {
    drop: /^attn_[qkv]\.|exps|ffn_gate_inp|exp_probs/,
    lists: { 'attention.sliding_window_pattern': 1 },
    own: { 'attn_qkv.weight': [256, 768], 'layer_output_norm.weight': [256] },
  },
  qwen3next: {},
  step35: { lists: { 'attention.sliding_window_pattern': 1 } },
};

/** The names of the headers that can be made. */
export const PREDICTING = Object.keys(ROWS);

/**
 * @param change of the header with the new layer
 * @param isShared whether the layer takes its embeddings and scores from the model; if not, it has its own
 */
export async function withPredictLayer(name: string, isShared = true, change: HeaderChange = {}): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const key = (short: string): GgufValue | undefined => gguf.metadata[`${name}.${short}`];
  const { like, drop, lists = {}, own: extra = {} } = ROWS[name];
  const layer = Number(key('block_count'));
  const [width, vocabulary] = [Number(key('embedding_length')), Number(key('vocab_size'))];
  const copied = (from: number, kept: (part: string) => boolean): [string, readonly number[]][] =>
    gguf.tensors.flatMap(({ name: whole, ne }): [string, readonly number[]][] => {
      const [, part] = new RegExp(`^blk\\.${from}\\.(.+)$`).exec(whole) ?? [];
      return part !== undefined && kept(part) ? [[part, ne]] : [];
    });
  const last = copied(layer - 1, (part) => like === undefined || /^(ffn_|exp_probs)/.test(part));
  const other = like === undefined ? [] : copied(like, () => true);
  const own: [string, readonly number[]][] = [
    ['nextn.embed_tokens.weight', [width, vocabulary]],
    ['nextn.shared_head_head.weight', [width, vocabulary]],
    ['nextn.shared_head_norm.weight', [width]],
  ];
  const parts = [
    ...[...other, ...last].filter(([part], index, all) => {
      const isFirst = all.findIndex(([each]) => each === part) === index;
      return isFirst && drop?.test(part) !== true;
    }),
    ['nextn.eh_proj.weight', [2 * width, width]] as const,
    ['nextn.enorm.weight', [width]] as const,
    ['nextn.hnorm.weight', [width]] as const,
    ...Object.entries(extra),
    ...(isShared ? [] : own),
  ];
  const longer = Object.entries(lists).map(([short, value]) => [short, [...(key(short) as number[]), value]] as const);
  return changedHeader(name, {
    ...change,
    keys: { block_count: layer + 1, nextn_predict_layers: 1, ...Object.fromEntries(longer), ...change.keys },
    tensors: {
      ...Object.fromEntries(parts.map(([part, ne]) => [`blk.${layer}.${part}`, ne])),
      ...change.tensors,
    },
  });
}
