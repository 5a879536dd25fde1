/**
 * What both forms of attention to blocks share: inputs, the indexer, scores of blocks, and fused attention by groups.
 */
import { isContiguous } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { alignUp } from '../../units.js';
import type { Hyperparameters } from '../hyperparameters.js';
import type { KvCache } from '../memory/kv-cache.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import type { Heads } from './attention.js';
import { product } from './linear.js';
import { norm } from './norm.js';
import { turn } from './rope.js';

export interface BlockSparseHyperparameters extends Hyperparameters {
  /** Positions of a block. */
  readonly blockLength: number;
}

/** The inputs of all layers with blocks. */
export interface BlockInputs {
  readonly cache: KvCache;
  readonly keyIds: Tensor;
  /** Added to the scores of blocks: the nearest ones are always seen. */
  readonly bias: Tensor;
  /** Which positions each token may see. */
  readonly positionMask: Tensor;
  /** The cell of each position. */
  readonly cells: Tensor;
  /** The same as numbers that can be computed with, where each stream has one token; else null. */
  readonly cellNumbers: Tensor | null;
  /** The block of each cell, and the mask of cells in full precision, where a stream has several tokens; else null. */
  readonly masked: { readonly blocks: Tensor; readonly mask: Tensor } | null;
}

/** Positions that a graph is reserved for while the cache is empty. */
const RESERVED_POSITIONS = 256;

/** @param mask of the cells */
export function blockInputs(m: ModelBuilder<BlockSparseHyperparameters>, mask: Tensor): BlockInputs {
  const { blockLength } = m.hp;
  const { tokens } = m.batch;
  const cache = m.memory.indexer!;
  const { streams } = cache;
  const positions = alignUp(RESERVED_POSITIONS, blockLength);
  const isSingle = tokens === streams;
  return {
    cache,
    keyIds: m.input('i64', [tokens]),
    bias: m.input('f32', [positions / blockLength, tokens]),
    positionMask: m.input('f32', [positions, tokens]),
    cells: m.input('i32', [positions, streams]),
    cellNumbers: isSingle ? m.input('f32', [positions, streams]) : null,
    masked: isSingle ? null : { blocks: m.input('i32', [cache.cells, streams]), mask: m.ctx.cast(mask, 'f32') },
  };
}

/** The indexer's queries of the batch, `[head, heads, tokens]`, and the cached keys. */
export interface IndexedHeads {
  readonly q: Tensor;
  readonly k: Tensor;
}

/** Makes queries and keys of the indexer, and stores the keys. */
export function indexHeads(s: Layer, { cache, keyIds }: BlockInputs, x: Tensor, positions: Tensor): IndexedHeads {
  const { headCount, keyLength } = s.hp.indexer!;
  const projected = {
    q: product(s, 'indexer.q_proj', x, headCount * keyLength),
    k: product(s, 'indexer.k_proj', x, keyLength),
  };
  const head = (part: 'q' | 'k', heads: number): Tensor => {
    const raised = s.ctx.reshape(projected[part], [keyLength, heads, x.ne[1]]);
    return turn(s, norm(s, `indexer.${part}_norm`, raised), positions);
  };
  const [q, k] = [head('q', headCount), head('k', 1)];
  s.expand(cache.storeKeys(s.ctx, k, keyIds, s.index));
  return { q, k: cache.keys(s.ctx, s.index) };
}

/** Asks for the tensors of an indexer that is not run. */
export function askForBlockIndexer(s: Layer): void {
  const { headCount, keyLength } = s.hp.indexer!;
  s.weight('indexer.q_proj.weight', [s.hp.embeddingLength, headCount * keyLength]);
  s.weight('indexer.k_proj.weight', [s.hp.embeddingLength, keyLength]);
  for (const part of ['q', 'k']) s.weight(`indexer.${part}_norm.weight`, [keyLength]);
}

/** How many blocks each query sees. */
export function chosenBlocks({ hp }: Layer, { bias }: BlockInputs): number {
  return Math.min(hp.indexer!.chosen, bias.ne[0]);
}

/** The best score in each block of positions. */
export function blockScores(s: Layer<BlockSparseHyperparameters>, scores: Tensor): Tensor {
  const { blockLength } = s.hp;
  return s.named(s.ctx.pool2d(scores, 'max', [blockLength, 1], { stride: [blockLength, 1] }), 'msa_bs');
}

/** Fused attention of groups of heads, each with its own keys and mask. */
export function attendGroups(s: Layer, q: Tensor, { k, v }: Omit<Heads, 'q'>, mask: Tensor): Tensor {
  const { ctx } = s;
  const [length, heads, tokens] = q.ne;
  const group = heads / s.heads.kvHeadCount;
  const copies = k.ne[3];
  const grouped = ctx.reshape(q, [length, group, copies, (heads * tokens) / (group * copies)]);
  const scale = 1 / Math.sqrt(s.heads.keyLength);
  const attention = { mask, scale, maxBias: s.hp.attention.alibiBias };
  const mixed = s.named(ctx.flashAttn(ctx.permute(grouped, [0, 2, 3, 1]), k, v, attention), 'msa_fattn');
  const ordered = ctx.permute(mixed, [0, 1, 3, 2]);
  return ctx.reshape(isContiguous(ordered) ? ordered : ctx.cont(ordered), [length * heads, tokens]);
}
