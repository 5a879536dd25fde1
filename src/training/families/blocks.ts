/**
 * What the programs of several families have in common.
 */
import { ELEMENT_TYPES } from '../../tensor/element-type.js';
import { PLAIN_TYPES } from '../../tensor/plain-types.js';
import type { Builder } from '../builder.js';
import { checkpointed } from '../eager/checkpoint.js';
import { fusedAttention } from '../eager/ops/attention.js';
import { castTo } from '../eager/ops/cast.js';
import { add, scaled, tanh } from '../eager/ops/element-wise.js';
import { crossEntropy } from '../eager/ops/loss.js';
import { linear, matmul } from '../eager/ops/matrix.js';
import { softmax } from '../eager/ops/norms.js';
import { expand, reshape, slice, toContiguous, transpose, unsqueeze, view } from '../eager/ops/views.js';
import type { Tape } from '../eager/tape.js';
import { elements, type Value } from '../eager/value.js';

const { i64, f32 } = ELEMENT_TYPES;
const { bool } = PLAIN_TYPES;

/** Runs blocks one after another, through checkpoints where the run asks for them. */
export function runBlocks(
  { tape, run }: Builder,
  blocks: readonly ((x: Value) => Value)[],
  input: Value,
  held: readonly Value[] = [],
): Value {
  const { checkpointing } = run;
  const labelled = blocks.map((block) => inBlock(tape, block));
  if (checkpointing === 'none') return labelled.reduce((x, block) => tape.frame((hold) => block(hold(x))), input);
  const every = checkpointing === 'layer' ? 1 : checkpointing.every;
  let x = input;
  for (let first = 0; first < blocks.length; first += every) {
    const group = labelled.slice(first, first + every);
    x = checkpointed(tape, x, held, (entering) => group.reduce((value, block) => block(value), entering));
  }
  return x;
}

/** A block whose nodes are marked as its own, in both passes. */
function inBlock(tape: Tape, block: (x: Value) => Value): (x: Value) => Value {
  const index = tape.blockCount++;
  return (x) => {
    const outer = tape.block;
    tape.block = index;
    try {
      return block(x);
    } finally {
      tape.block = outer;
    }
  };
}

/** `arange(length) + past`: the positions of a batch, as `[1, length]`. */
export function positions(t: Tape, length: number): Value {
  const [range] = t.emit('aten.arange.default', [], [{ type: i64, shape: [length] }]);
  const [moved] = t.emit('aten.add.Tensor', [range], [{ type: i64, shape: [length] }]);
  return view(t, moved, [1, length]);
}

/** Looks for several texts in one row, as the masks of transformers do; what it makes is freed at once. */
export function findPackedTexts(t: Tape, positionIds: Value, batch: number): void {
  const length = positionIds.shape.at(-1)!;
  t.frame((hold) => {
    const [first] = t.emit('aten.sub.Tensor', [positionIds], [{ type: i64, shape: [batch, 1] }]);
    const [padded] = t.emit(
      'aten.cat.default',
      [hold(first), positionIds],
      [{ type: i64, shape: [batch, length + 1] }],
    );
    const [steps] = t.emit('aten.sub.Tensor', [padded], [{ type: i64, shape: [batch, length] }]);
    const [isStart] = t.emit('aten.ne.Scalar', [hold(steps)], [{ type: bool, shape: [batch, length] }]);
    const [texts] = t.emit('aten.cumsum.default', [isStart], [{ type: i64, shape: [batch, length] }]);
    const [isFirst] = t.emit('aten.eq.Scalar', [hold(texts)], [{ type: bool, shape: [batch] }]);
    hold(t.emit('aten.all.default', [isFirst], [{ type: bool, shape: [] }])[0]);
  });
}

/** The causal mask that stored scores are added to: `[batch, 1, length, length]`. */
export function causalMask(t: Tape, batch: number, length: number, type: Value['type']): Value {
  return t.frame((hold) => {
    const shift = (): Value => positions(t, length);
    hold(t.emit('aten.arange.default', [], [{ type: i64, shape: [batch] }])[0]);
    hold(t.emit('aten.arange.default', [], [{ type: i64, shape: [1] }])[0]);
    const queries = hold(shift());
    const keys = hold(shift());
    const [isSeen] = t.emit('aten.le.Tensor', [keys, queries], [{ type: bool, shape: [1, 1, length, length] }]);
    const [zero] = t.emit('aten.lift_fresh.default', [], [{ type, shape: [] }]);
    const [lowest] = t.emit('aten.scalar_tensor.default', [], [{ type, shape: [] }]);
    return t.emit(
      'aten.where.self',
      [hold(isSeen), hold(zero), lowest],
      [{ type, shape: [batch, 1, length, length] }],
    )[0];
  });
}

/** How attention computes: with a mask of the scores, or fused without one. */
export interface Heads {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
  /** Null of fused attention. */
  readonly mask: Value | null;
  /** Whether stored scores are bent by tanh before they are masked. */
  readonly capsScores?: boolean;
  /** Whether the softmax is computed in fp32 whatever the type. */
  readonly softmaxInF32?: boolean;
}

/** Attention of `[batch, heads, rows, dim]`, as `[batch, rows, heads, dim]`. */
export function attend(t: Tape, { query, key, value, mask, softmaxInF32 = false, capsScores = false }: Heads): Value {
  if (mask === null) return transpose(t, fusedAttention(t, query, key, value), 1, 2);
  return t.frame((hold) => {
    const heads = query.shape[1];
    const keys = hold(repeatHeads(t, key, heads));
    const values = hold(repeatHeads(t, value, heads));
    const scores = scaled(t, matmul(t, query, transpose(t, keys, 2, 3)));
    const masked = add(t, capsScores ? softCap(t, scores) : scores, mask);
    const weights = hold(softmaxInF32 ? castTo(t, softmax(t, castTo(t, masked, f32)), query.type) : softmax(t, masked));
    const result = matmul(t, weights, values);
    return toContiguous(t, transpose(t, result, 1, 2));
  });
}

/** `tanh(x / cap) * cap` */
export function softCap(t: Tape, x: Value): Value {
  return scaled(t, tanh(t, scaled(t, x, 'aten.div.Tensor')));
}

/** The heads of `[batch, rows, heads × dim]` as `[batch, heads, rows, dim]`, each of them normalised by `norm`. */
export function splitHeads(t: Tape, x: Value, heads: number, norm = (each: Value): Value => each): Value {
  const [batch, rows, width] = x.shape;
  return transpose(t, norm(view(t, x, [batch, rows, heads, width / heads])), 1, 2);
}

/** Keys or values for every query head: a copy where several of these share one. */
export function repeatHeads(t: Tape, x: Value, heads: number): Value {
  const [batch, count, rows, dim] = x.shape;
  if (count === heads) return x;
  const wide = expand(t, unsqueeze(t, x, 2), [batch, count, heads / count, rows, dim]);
  return reshape(t, wide, [batch, heads, rows, dim]);
}

/** What turns hidden states into logits. */
export interface Head {
  readonly weight: Value;
  readonly bias?: Value | undefined;
  /** What happens to the logits. */
  readonly leave?: ((logits: Value) => Value) | undefined;
}

/** The loss of transformers' causal models: fp32 logits, against labels that are moved by one; piece by piece if asked. */
export function causalLoss({ tape: t, run }: Builder, hidden: Value, head: Head, labels: Value): Value {
  return t.frame((hold) => {
    hold(hidden);
    const [batch, length] = labels.shape;
    const chunks = Math.min(run.lossChunks, length);
    const bounds = Array.from({ length: chunks + 1 }, (_, index) => Math.floor((index * length) / chunks));
    const cut = (x: Value, index: number): Value =>
      chunks === 1 ? x : slice(t, x, 1, bounds[index], bounds[index + 1]);
    const logits = bounds.slice(1).map((_, index) => {
      const all = hold(linear(t, cut(hidden, index), head.weight, head.bias ?? null));
      return head.leave === undefined ? all : hold(head.leave(all));
    });
    const wide = chunks === 1 ? hold(castTo(t, logits[0], f32)) : null;
    const spec = { type: i64, shape: [batch, length + 1] };
    const padded = hold(t.emit('aten.constant_pad_nd.default', [labels], [spec])[0]);
    const shifted = slice(t, padded, 1, 1, length + 1);
    const losses = logits.map((each, index) => {
      const all = wide ?? castTo(t, each, f32);
      const rows = elements(each.shape) / each.shape[2];
      const targets = toContiguous(t, cut(shifted, index));
      return crossEntropy(t, reshape(t, all, [rows, each.shape[2]]), view(t, targets, [rows]));
    });
    return losses.reduce((sum, loss) => add(t, sum, loss));
  });
}

/** `[batch, rows, heads, dim]` as `[batch, rows, heads × dim]`. */
export function joinHeads(t: Tape, x: Value): Value {
  const [batch, rows, ...rest] = x.shape;
  return reshape(t, x, [batch, rows, elements(rest)]);
}
