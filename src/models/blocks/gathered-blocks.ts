/**
 * Attention to blocks where each stream has one token: the cells of the best blocks are gathered, and only they are
 * looked up.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Layer } from '../model-builder.js';
import type { Heads } from './attention.js';
import {
  attendGroups,
  blockScores,
  chosenBlocks,
  type BlockInputs,
  type BlockSparseHyperparameters,
  type IndexedHeads,
} from './block-inputs.js';

export function gatherBlocks(
  s: Layer<BlockSparseHyperparameters>,
  inputs: BlockInputs,
  { q, k, v }: Heads,
  indexed: IndexedHeads,
): Tensor {
  const { ctx } = s;
  const { blockLength } = s.hp;
  const count = chosenBlocks(s, inputs);
  const best = ctx.topK(biasedScores(s, inputs, indexed), count);
  const [, groups, , streams] = best.ne;
  const [length, kvHeads, cells] = k.ne;
  const positions = positionsOf(s, best, blockLength);
  const rows = rowsOf(s, inputs, positions, { blockLength, count, groups, kvHeads });
  const asRows = (t: Tensor): Tensor => ctx.view(t, [length, kvHeads * cells, streams], [t.nb[1], t.nb[3]]);
  const [keyRows, valueRows] = [asRows(k), asRows(v)];
  const [positionCount] = inputs.positionMask.ne;
  const maskRows = ctx.reshape(inputs.positionMask, [1, positionCount, streams]);
  const found = {
    k: ctx.getRows(keyRows, rows),
    v: ctx.getRows(valueRows, rows),
    mask: ctx.getRows(maskRows, positions),
  };
  const gathered = (t: Tensor): Tensor => ctx.reshape(t, [length, blockLength * count, 1, groups * streams]);
  const [flatK, flatV] = [gathered(found.k), gathered(found.v)];
  const heads = { k: like(s, flatK, k), v: like(s, flatV, v) };
  const mask = ctx.cast(ctx.reshape(found.mask, [blockLength * count, 1, 1, groups * streams]), 'f16');
  return attendGroups(s, q, heads, mask);
}

/** The scores of blocks: `[blocks, heads, 1, streams]`. */
function biasedScores(s: Layer<BlockSparseHyperparameters>, inputs: BlockInputs, { q, k }: IndexedHeads): Tensor {
  const { ctx } = s;
  const { cells, positionMask, bias } = inputs;
  const [length, heads] = q.ne;
  const streams = k.ne[3];
  const keys = ctx.view(k, [length, k.ne[2], streams], [k.nb[2], k.nb[3]]);
  const found = ctx.getRows(keys, cells);
  const queries = ctx.reshape(q, [length, heads, 1, streams]);
  const scores = ctx.mulMat(ctx.reshape(found, [length, cells.ne[0], 1, streams]), queries);
  const allowed = ctx.add(scores, ctx.reshape(positionMask, [cells.ne[0], 1, 1, streams]), { inPlace: true });
  return ctx.add(blockScores(s, allowed), ctx.reshape(bias, [bias.ne[0], 1, 1, streams]));
}

/** The positions of the chosen blocks: i32 `[positions, streams]`. */
function positionsOf({ ctx }: Layer, best: Tensor, blockLength: number): Tensor {
  const [count, groups, , streams] = best.ne;
  const first = ctx.reshape(ctx.scale(ctx.cast(best, 'f32'), blockLength), [1, count, groups, streams]);
  const repeated = ctx.repeat(first, [blockLength, count, groups, streams]);
  const all = ctx.add(repeated, ctx.reshape(ctx.arange(0, blockLength), [blockLength, 1, 1]));
  return ctx.cast(ctx.reshape(all, [blockLength * count * groups, streams]), 'i32');
}

/** The rows of the cache that hold these positions, each for its group of heads. */
function rowsOf(
  { ctx }: Layer,
  { cellNumbers, cells }: BlockInputs,
  positions: Tensor,
  { blockLength, count, groups, kvHeads }: Readonly<Record<'blockLength' | 'count' | 'groups' | 'kvHeads', number>>,
): Tensor {
  const [positionCount, streams] = cells.ne;
  const flat = ctx.getRows(ctx.reshape(cellNumbers!, [1, positionCount, streams]), positions);
  const perGroup = ctx.scale(ctx.reshape(flat, [blockLength, count, groups, streams]), kvHeads);
  const all = ctx.add(perGroup, ctx.reshape(ctx.arange(0, kvHeads), [1, 1, groups]));
  return ctx.cast(ctx.reshape(all, [blockLength * count * groups, streams]), 'i32');
}

/** Of the type of the cache, or f16 where that is quantised. */
function like({ ctx }: Layer, t: Tensor, { type }: Tensor): Tensor {
  const wanted = type.isQuantized ? 'f16' : type.name;
  return t.type.name === wanted ? t : ctx.cast(t, wanted);
}
