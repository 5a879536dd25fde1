/**
 * Attention to blocks where streams have several tokens: all cells are looked up, under a mask for each group of heads
 * that leaves the best blocks open.
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

/** What is added to the scores of blocks that are not seen. */
const CLOSED = -1e30;

export function maskBlocks(
  s: Layer<BlockSparseHyperparameters>,
  inputs: BlockInputs,
  heads: Heads,
  indexed: IndexedHeads,
): Tensor {
  const results = Array.from({ length: inputs.cache.streams }, (_, stream) =>
    attendStream(s, inputs, heads, indexed, stream),
  );
  return results.reduce((all, result) => s.ctx.concat(all, result, 1));
}

/** The parts of all inputs that belong to one stream. */
function attendStream(
  s: Layer<BlockSparseHyperparameters>,
  inputs: BlockInputs,
  { q, k, v }: Heads,
  indexed: IndexedHeads,
  stream: number,
): Tensor {
  const { ctx } = s;
  const { positionMask, cells, bias, masked } = inputs;
  const tokens = q.ne[2] / inputs.cache.streams;
  const { blocks, mask } = masked!;
  const ofTokens = (t: Tensor): Tensor =>
    ctx.view(t, [t.ne[0], 1, tokens], [t.nb[1], t.nb[1]], stream * tokens * t.nb[1]);
  const queries = (t: Tensor): Tensor =>
    ctx.view(t, [t.ne[0], t.ne[1], tokens], [t.nb[1], t.nb[2]], stream * tokens * t.nb[2]);
  const row = (t: Tensor): Tensor => ctx.view(t, [t.ne[0]], [], stream * t.nb[1]);
  const cached = (t: Tensor): Tensor =>
    ctx.view(t, [t.ne[0], t.ne[1], t.ne[2], 1], [t.nb[1], t.nb[2], t.nb[3]], stream * t.nb[3]);
  const keys = indexed.k;
  const part: StreamInputs = {
    queries: queries(indexed.q),
    keys: ctx.view(keys, [keys.ne[0], keys.ne[2]], [keys.nb[2]], stream * keys.nb[3]),
    cells: row(cells),
    positionMask: ofTokens(positionMask),
    blocks: row(blocks),
    mask: ctx.view(mask, [mask.ne[0], tokens, 1], [mask.nb[1], mask.nb[3]], stream * mask.nb[3]),
    bias: ofTokens(bias),
  };
  const [ownQ, ownK, ownV] = [queries(q), cached(k), cached(v)];
  const open = openBlocks(s, part, chosenBlocks(s, inputs));
  const toCells = (t: Tensor): Tensor => ctx.permute(t, [0, 3, 1, 2]);
  return attendGroups(s, ownQ, { k: toCells(ownK), v: toCells(ownV) }, open);
}

interface StreamInputs {
  readonly queries: Tensor;
  readonly keys: Tensor;
  readonly cells: Tensor;
  readonly positionMask: Tensor;
  readonly blocks: Tensor;
  readonly mask: Tensor;
  readonly bias: Tensor;
}

/** The mask of a stream's cells, for each group of heads. */
function openBlocks(s: Layer<BlockSparseHyperparameters>, inputs: StreamInputs, count: number): Tensor {
  const { ctx } = s;
  const { queries, keys, bias, blocks, mask } = inputs;
  const [length, groups, tokens] = queries.ne;
  const rows = groups * tokens;
  const found = ctx.getRows(keys, inputs.cells);
  const products = ctx.mulMat(found, ctx.reshape(queries, [length, rows]));
  const scores = ctx.reshape(products, [found.ne[1], groups, tokens]);
  const allowed = ctx.add(scores, inputs.positionMask, { inPlace: true });
  const best = ctx.topK(s.named(ctx.add(blockScores(s, allowed), bias), 'msa_bsf'), count);
  const [blockCount] = bias.ne;
  const closed = ctx.repeat(ctx.cast(ctx.scale(bias, 0, { bias: CLOSED }), 'f16'), [blockCount, groups, tokens]);
  const zeros = ctx.scale(ctx.cast(best, 'f32'), 0);
  const opened = ctx.setRows(
    ctx.reshape(closed, [1, blockCount, rows]),
    ctx.reshape(zeros, [1, count, rows]),
    ctx.reshape(best, [count, rows]),
  );
  const perGroup = ctx.permute(ctx.reshape(opened, [blockCount, groups, tokens]), [0, 2, 1, 3]);
  const blockMask = s.named(ctx.cont(perGroup), 'msa_block_mask');
  const blocksFirst = ctx.cont(ctx.transpose(ctx.reshape(blockMask, [blockCount, rows])));
  const cellsLast = ctx.cont(ctx.transpose(ctx.getRows(blocksFirst, blocks)));
  const [cellCount] = mask.ne;
  const both = ctx.add(ctx.reshape(cellsLast, [cellCount, tokens, groups]), mask, { inPlace: true });
  return s.named(ctx.cast(ctx.reshape(both, [cellCount, tokens, 1, groups]), 'f16'), 'msa_mask4');
}
