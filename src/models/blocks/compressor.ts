/**
 * Compresses groups of tokens into rows of a cache: a weighted mean, whose weights are learned from each token and its
 * place in the group.
 *
 *     x ─► value, score + place ─► state of incomplete groups | this batch ─► softmax over a group ─► row ─► cache
 *
 * Invariant: the order of operations, names and graph entries is that of llama.cpp's graph of `deepseek4`.
 */
import type { RopeOptions } from '../../dialects/ggml/ops/attention.js';
import { rowSize } from '../../tensor/layout.js';
import type { Tensor } from '../../tensor/tensor.js';
import { rotationLength } from '../memory/kv-cache.js';
import type { CompressedCache, StatePart } from '../memory/compressed-cache.js';
import type { Layer, ModelBuilder } from '../model-builder.js';
import { rotated } from './attention.js';
import { product } from './linear.js';
import { norm } from './norm.js';

/** Rows of a state, from where to where. */
interface Moves {
  readonly from: Tensor;
  readonly to: Tensor;
}

interface SnapshotInputs {
  /** From a snapshot to the state, before it is read. */
  readonly restored: Moves;
  /** From the state and this batch to the snapshots. */
  readonly taken: Moves;
}

/** The inputs of one kind of compressed rows. */
export interface CompressorInputs {
  readonly cache: CompressedCache;
  /** Place of each token in its group. */
  readonly places: Tensor;
  /** Tokens whose state is kept, and where. */
  readonly kept: Tensor;
  readonly keptAt: Tensor;
  /** How the state goes back, and what is kept for that; null: it never does. */
  readonly snapshots: SnapshotInputs | null;
  /** The tokens of each group that becomes a row. */
  readonly members: Tensor;
  /** The rows that are written, and their positions. */
  readonly rowIds: Tensor;
  readonly rowPositions: Tensor;
  /** Which rows each token may see. */
  readonly mask: Tensor;
  /** Turns rows before they are stored; null: they are not turned. */
  readonly rotation: Tensor | null;
}

/** What distinguishes the kinds. */
export interface CompressorKind {
  /** As in names of inputs and results. */
  readonly name: 'csa' | 'hca' | 'lid';
  /** Names of weights before their part. */
  readonly weights: 'attn_compressor' | 'indexer_compressor';
  readonly ratio: number;
  /** Whether a row is made of two groups, with values of its own for each. */
  readonly isOverlapping: boolean;
  /** Elements of a row. */
  readonly length: number;
}

/** @param isTurned whether rows are turned even if they are not quantised */
export function compressorInputs(
  m: ModelBuilder,
  cache: CompressedCache,
  { name, ratio, isOverlapping, length }: CompressorKind,
  isTurned: boolean,
): CompressorInputs {
  const { tokens, sequences } = m.batch;
  const { cells, streams } = cache.keys;
  const input = (type: 'i32' | 'i64', count: number, label: string): Tensor =>
    m.input(type, [count], `dsv4_${name}_state_${label}`);
  const rows = sequences * Math.ceil(tokens / sequences / ratio);
  const { state } = cache;
  const kept = Math.min(tokens, state.rows);
  const moves = (what: string, count: number): Moves => ({
    from: input('i32', count, `${what}_src_idxs`),
    to: input('i32', count, `${what}_dst_idxs`),
  });
  const stateRows = sequences * state.rowsOfSequence;
  const isHalf = name === 'lid' || m.run.flashAttention;
  const turns = isTurned ? rotationLength(length) : cache.keys.keyRotation();
  return {
    cache,
    places: input('i32', tokens, 'pos'),
    kept: input('i32', kept, 'persist_src_idxs'),
    keptAt: input('i32', kept, 'persist_dst_idxs'),
    snapshots:
      state.snapshots === 0
        ? null
        : { restored: moves('restore', stateRows), taken: moves('snapshot', state.snapshots * stateRows) },
    members: input('i32', (isOverlapping ? 2 : 1) * ratio * rows, 'read_idxs'),
    rowIds: input('i64', rows, 'write_idxs'),
    rowPositions: input('i32', rows, 'write_pos'),
    mask: m.input(isHalf ? 'f16' : 'f32', [cells, tokens / streams, 1, streams], `dsv4_${name}_kq_mask`),
    rotation: turns === null ? null : m.input('f32', [turns, turns], 'attn_inp_k_rot'),
  };
}

/** Stores the rows that the batch completes, and keeps what belongs to later ones. */
export function compress(
  s: Layer,
  kind: CompressorKind,
  inputs: CompressorInputs,
  x: Tensor,
  turns: RopeOptions,
): void {
  const { ctx } = s;
  const { name, weights, ratio, isOverlapping, length } = kind;
  const { snapshots } = inputs;
  const { state, keys } = inputs.cache;
  const width = (isOverlapping ? 2 : 1) * length;
  const kv = s.named(product(s, `${weights}_kv`, x, width), `${name}_state_kv`);
  const plain = s.named(product(s, `${weights}_gate`, x, width), `${name}_state_score`);
  const places = ctx.getRows(s.weight(`${weights}_ape.weight`, [width, ratio]), inputs.places);
  const score = s.named(ctx.add(plain, places), `${name}_state_score_ape`);
  const move = (part: StatePart, rows: Tensor, { from, to }: Moves): Tensor =>
    ctx.setRows(state.all(ctx, part, s.index), ctx.getRows(rows, from), to);
  const stateOf = (part: StatePart): Tensor => {
    const all = state.all(ctx, part, s.index);
    return snapshots === null ? all : move(part, all, snapshots.restored);
  };
  const ready = { kv: stateOf('kv'), score: stateOf('score') };
  const withState = (part: StatePart, fresh: Tensor): Tensor => {
    const all = ready[part];
    return ctx.concat(ctx.view(all, [all.ne[0], state.rows], [all.nb[1]]), fresh, 1);
  };
  const sources = { kv: withState('kv', kv), score: withState('score', score) };
  const groups = isOverlapping ? overlappingGroups(s, kind, inputs, sources) : wholeGroups(s, kind, inputs, sources);
  const row = turnedRow(s, kind, inputs, meanOfGroups(s, groups), turns);
  s.expand(keys.storeKeys(ctx, row, inputs.rowIds, s.index));
  const fresh = { kv, score };
  if (snapshots !== null) {
    for (const part of PARTS) s.expand(move(part, ctx.concat(ready[part], fresh[part], 1), snapshots.taken));
  }
  for (const part of PARTS) s.expand(move(part, fresh[part], { from: inputs.kept, to: inputs.keptAt }));
}

const PARTS: readonly StatePart[] = ['kv', 'score'];

type Sources = Readonly<Record<StatePart, Tensor>>;

/** The tokens of each row, `[length, tokens, rows]`. */
function wholeGroups(
  s: Layer,
  { name, ratio, length }: CompressorKind,
  { members, rowIds }: CompressorInputs,
  sources: Sources,
): Sources {
  const group = (source: Tensor): Tensor => {
    const found = s.ctx.getRows(source, members);
    return s.named(s.ctx.reshape(found, [length, ratio, rowIds.ne[0]]), `${name}_state_compress`);
  };
  return { kv: group(sources.kv), score: group(sources.score) };
}

/** As {@link wholeGroups}, of the group before, in the first half of the elements, and the own one, in the second. */
function overlappingGroups(
  s: Layer,
  { name, ratio, length }: CompressorKind,
  { members, rowIds }: CompressorInputs,
  sources: Sources,
): Sources {
  const { ctx } = s;
  const count = ratio * rowIds.ne[0];
  const group = (source: Tensor, filler: number): Tensor => {
    const found = ctx.getRows(withFiller(s, source, filler), members);
    const half = (offset: number): Tensor => {
      const part = ctx.cont(ctx.view(found, [length, count], [found.nb[1]], offset));
      return ctx.reshape(part, [length, ratio, rowIds.ne[0]]);
    };
    const before = s.named(half(0), `${name}_state_compress`);
    return ctx.concat(before, half(count * found.nb[1] + rowSize(found.type, length)), 1);
  };
  return { kv: group(sources.kv, 0), score: group(sources.score, -Infinity) };
}

/** With one row more, which stands for the group before the first. */
function withFiller({ ctx }: Layer, source: Tensor, filler: number): Tensor {
  const row = ctx.scale(ctx.view(source, [source.ne[0]]), 0, { bias: filler });
  return ctx.concat(source, ctx.reshape(row, [source.ne[0], 1]), 1);
}

/** The mean of each group, weighted by the soft max of the scores: `[length, 1, rows]`. */
function meanOfGroups({ ctx }: Layer, { kv, score }: Sources): Tensor {
  const byElement = (t: Tensor): Tensor => ctx.cont(ctx.permute(t, [1, 0, 2, 3]));
  const values = byElement(kv);
  const weighted = ctx.mul(values, ctx.softMax(byElement(score)));
  return byElement(ctx.sumRows(weighted));
}

function turnedRow(
  s: Layer,
  { name, weights, length }: CompressorKind,
  { rowPositions, rotation }: CompressorInputs,
  mean: Tensor,
  turns: RopeOptions,
): Tensor {
  const label = `${name}_state_compress`;
  const even = s.named(norm(s, `${weights}_norm`, s.named(mean, label)), label);
  const { ropeLength } = s.heads;
  const turned = s.ctx.rope(even, rowPositions, ropeLength, { ...turns, offset: length - ropeLength });
  s.named(turned, label);
  return rotation === null ? turned : s.named(rotated(s.ctx, turned, rotation), `${label}_rot`);
}

/** Asks for the tensors of a compressor that is not run. */
export function askForCompressor(s: Layer, { weights, ratio, isOverlapping, length }: CompressorKind): void {
  const width = (isOverlapping ? 2 : 1) * length;
  for (const part of ['kv', 'gate']) s.weight(`${weights}_${part}.weight`, [s.hp.embeddingLength, width]);
  s.weight(`${weights}_ape.weight`, [width, ratio]);
  s.weight(`${weights}_norm.weight`, [length]);
}
