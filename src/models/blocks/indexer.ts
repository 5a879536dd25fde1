/**
 * Sparse attention: an indexer with small heads of its own scores all cached tokens, and each query sees only the best.
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graphs of `deepseek32` and
 * `glm-dsa`, and of its `build_attn` for their caches.
 */
import type { RopeMode } from '../../dialects/ggml/ops/attention.js';
import type { Tensor } from '../../tensor/tensor.js';
import { rotationLength, type KvCache } from '../memory/kv-cache.js';
import type { Layer, ModelBuilder, Scope } from '../model-builder.js';
import { plainProduct, weightIf } from './linear.js';
import { norm, type NormOptions } from './norm.js';
import type { Presence } from '../presence.js';
import { turn } from './rope.js';

/** The indexers' cache with the inputs that say where the batch goes and what it may see. */
export interface IndexerAccess {
  readonly cache: KvCache;
  readonly keyIds: Tensor;
  readonly mask: Tensor;
  /** Turns queries and keys, whether they are quantised or not. */
  readonly rotation: Tensor;
}

export function indexerAccess(m: ModelBuilder): IndexerAccess {
  const cache = m.memory.indexer!;
  const { tokens } = m.batch;
  const length = rotationLength(m.hp.indexer!.keyLength);
  return {
    cache,
    keyIds: m.input('i64', [tokens]),
    mask: m.input('f16', [cache.cells, Math.floor(tokens / cache.streams), 1, cache.streams], 'attn_inp_kq_mask'),
    rotation: m.input('f32', [length, length], 'attn_inp_k_rot'),
  };
}

/** How an architecture builds its indexers. */
export interface IndexerOptions {
  /** How the elements of a head are paired. */
  readonly mode: RopeMode;
  readonly keyNorm: NormOptions;
}

/** Asks for the tensors of an indexer that is not run. */
export function askForIndexer(s: Layer, queryRank: number, presence: Presence): void {
  const { headCount, keyLength } = s.hp.indexer!;
  const { embeddingLength } = s.hp;
  for (const kind of ['weight', 'bias']) weightIf(s, presence, `indexer.k_norm.${kind}`, [keyLength]);
  weightIf(s, presence, 'indexer.proj.weight', [embeddingLength, headCount]);
  weightIf(s, presence, 'indexer.attn_k.weight', [embeddingLength, keyLength]);
  weightIf(s, presence, 'indexer.attn_q_b.weight', [queryRank, headCount * keyLength]);
}

/** What an indexer reads. */
export interface IndexerInputs {
  readonly positions: Tensor;
  /** The layer's normalised input. */
  readonly x: Tensor;
  /** The compressed queries of attention. */
  readonly queries: Tensor;
}

/** The cached tokens that each query sees, best first or not: i32 `[chosen, tokens, 1, streams]`. */
export function chooseTokens(
  s: Layer,
  { cache, keyIds, mask, rotation }: IndexerAccess,
  { positions, x, queries }: IndexerInputs,
  { mode, keyNorm }: IndexerOptions,
): Tensor {
  const { ctx } = s;
  const { headCount, keyLength, chosen } = s.hp.indexer!;
  const label = (t: Tensor, part: 'q' | 'k' | 'weights' | 'score'): Tensor => s.named(t, `indexer_${part}`);
  const turned = (t: Tensor, heads: number, part: 'q' | 'k'): Tensor => {
    const raised = ctx.reshape(t, [keyLength, heads, x.ne[1]]);
    return label(ctx.mulMat(rotation, label(turn(s, raised, positions, { mode }), part)), part);
  };
  const q = turned(label(plainProduct(s, 'indexer.attn_q_b', queries, headCount * keyLength), 'q'), headCount, 'q');
  const plainK = label(plainProduct(s, 'indexer.attn_k', x, keyLength), 'k');
  const k = turned(label(norm(s, 'indexer.k_norm', plainK, keyNorm), 'k'), 1, 'k');
  s.expand(cache.storeKeys(ctx, k, keyIds, s.index));
  const weights = label(plainProduct(s, 'indexer.proj', x, headCount), 'weights');
  const { streams } = cache;
  const [length, heads, tokens] = q.ne;
  const perStream = ctx.view(q, [length, heads, tokens / streams, streams], [q.nb[1], q.nb[2], q.nb[3] / streams]);
  const { nb } = weights;
  const split = ctx.view(weights, [heads, tokens / streams, 1, streams], [nb[1], nb[2] / streams, nb[3] / streams]);
  const scaled = label(ctx.scale(split, 1 / Math.sqrt(keyLength * headCount)), 'weights');
  const score = label(ctx.lightningIndexer(perStream, cache.keys(ctx, s.index), scaled, mask), 'score');
  return s.named(ctx.cont(ctx.topK(score, Math.min(score.ne[0], chosen))), 'top_k');
}

/** `mask`, with all tokens but the chosen ones masked. @param type of the zeros that the chosen ones get */
export function onlyChosen({ ctx }: Scope, mask: Tensor, chosen: Tensor, type: 'f32' | 'f16'): Tensor {
  const [cells, tokens, , streams] = mask.ne;
  const nothing = ctx.fill(mask, -Infinity);
  const cellsAsRows = ctx.view(nothing, [1, cells, tokens, streams], [nothing.nb[0], nothing.nb[1], nothing.nb[2]]);
  const { ne, nb } = chosen;
  const ids = ctx.view(chosen, [ne[0], ne[1], ne[3]], [nb[1], nb[2], ne[3] * nb[3]]);
  const zeros = ctx.fill(ctx.newTensor(type, [1, ids.ne[0], ids.ne[1], ids.ne[2]]), 0);
  const opened = ctx.setRows(cellsAsRows, zeros, ids);
  const restored = ctx.view(opened, [cells, tokens, 1, streams], [opened.nb[2], opened.nb[3], opened.nb[3]]);
  return ctx.add(restored, mask);
}
