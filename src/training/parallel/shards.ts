/**
 * ZeRO and FSDP2: ranks that see different samples share what they all keep.
 *
 * - ZeRO-1 splits the states of the optimiser. Each rank updates its part of the parameters.
 * - ZeRO-2 splits the gradients, too: those of a block are reduced and scattered when its backward pass ends.
 * - ZeRO-3 and FSDP2 split the parameters, too: those of a block are gathered before it runs, in both passes.
 *
 * The gathering is that of FSDP2 (`fully_shard` on every block and on the root). The message of a gathering in the forward
 * pass is kept until the next block has its parameters, so that two can overlap; the backward pass gathers the parameters
 * of the next block while one runs. The message of a reduction is kept until the next one. A tensor is split along its
 * first dimension, whose last part may be smaller.
 */
import { RUNS, SLOTS, type Span, type Timeline, type Unit } from './timeline.js';

/** What ranks share. */
export interface Sharding {
  /** Ranks that see different samples. */
  readonly ranks: number;
  /** Whether parameters are split, and gathered when they are needed. */
  readonly splitsParameters: boolean;
  readonly splitsGradients: boolean;
  readonly splitsStates: boolean;
  /** Whether the parameters of a block are gathered anew in the backward pass. */
  readonly reshards: boolean;
  /** Bytes of an element of shards, states and reductions, by those of an element in the computation. */
  readonly widening: number;
  /** Whether all buckets of gradients are kept beside the gradients, as DDP does. */
  readonly hasBuckets: boolean;
}

/** The bytes of the first rank's part of a tensor. */
export function shardOf({ size, rows }: Pick<Span, 'size' | 'rows'>, ranks: number): number {
  return rows <= 1 ? size : (size / rows) * Math.ceil(rows / ranks);
}

/** The same in the type of the shards. A scalar, such as a counter of steps, is not split. */
function partOf(span: Pick<Span, 'size' | 'rows'>, { ranks, widening }: Sharding): number {
  return span.rows <= 1 ? span.size : shardOf(span, ranks) * widening;
}

/** The timeline of one rank. O(spans). */
export function sharded(timeline: Timeline, sharding: Sharding): Timeline {
  const { splitsParameters, splitsGradients, splitsStates, hasBuckets } = sharding;
  const spans = timeline.spans.flatMap((span): Span[] => {
    const part = { ...span, size: partOf(span, sharding) };
    switch (span.kind) {
      case 'parameters':
        return splitsParameters ? [part] : [span];
      case 'gradients':
        return splitsGradients ? [] : [span];
      case 'optimizerStates':
        return splitsStates ? [part] : [span];
      default:
        return splitsStates && isOfTheStep(timeline, span) ? [part] : [span];
    }
  });
  const added = [
    ...(splitsParameters ? gathered(timeline, sharding) : []),
    ...(splitsGradients ? reduced(timeline, sharding) : []),
    ...(hasBuckets ? buckets(timeline) : []),
  ];
  return { ...timeline, spans: [...spans, ...added] };
}

/** Whether the optimiser makes a tensor on the way, in the shape of a parameter. */
function isOfTheStep({ phaseStarts }: Timeline, { start, kind }: Span): boolean {
  return kind === 'temporaries' && start >= phaseStarts.step * SLOTS;
}

const span = (kind: Span['kind'], name: string, size: number, start: number, end: number): Span => ({
  size,
  start,
  end,
  kind,
  name,
  block: -1,
  rows: 1,
  isKept: false,
});

/** Whole parameters and the messages that bring them. */
function gathered(timeline: Timeline, { ranks, reshards }: Sharding): Span[] {
  const { units, phaseStarts } = timeline;
  const { whole, message } = unitSizes(timeline, 'parameters', ranks);
  const endOfForward = timeline.modelEnd * SLOTS;
  const endOfBackward = phaseStarts.step * SLOTS;
  const firstBlock = units[0] === undefined ? endOfForward : units[0].forward.first * SLOTS;
  const spans = [
    span('communication', 'all-gather', message(-1), 0, firstBlock + 2),
    span('gathered', 'outside of blocks', whole(-1), 1, endOfBackward),
  ];
  units.forEach(({ block, forward, backward }, index) => {
    const next = units.at(index + 1);
    const start = forward.first * SLOTS;
    const isSent = next === undefined ? endOfForward : next.forward.first * SLOTS + 2;
    spans.push(span('communication', 'all-gather', message(block), start + 1, isSent));
    const end = reshards ? afterRun(forward.last) : afterRun(backward.last);
    spans.push(span('gathered', `block ${block}`, whole(block), start + 2, end));
    if (!reshards) return;
    // The block after this one in the forward pass runs before it in the backward pass, and asks for its parameters.
    const asked = next === undefined ? phaseStarts.backward * SLOTS : next.backward.first * SLOTS + 3;
    const again = backward.first * SLOTS;
    spans.push(span('communication', 'all-gather', message(block), asked, again + 3));
    spans.push(span('gathered', `block ${block}`, whole(block), again + 2, afterRun(backward.last)));
  });
  // A rank that is alone has its parameters by a copy, without a message.
  return spans.filter(({ size, kind }) => size > 0 && (ranks > 1 || kind === 'gathered'));
}

/** Gradients of a block until they are reduced, the message that does it, and this rank's part. */
function reduced(timeline: Timeline, sharding: Sharding): Span[] {
  const { ranks, widening } = sharding;
  const { spans, units, phaseStarts } = timeline;
  const endOfBackward = phaseStarts.step * SLOTS;
  const { message } = unitSizes(timeline, 'gradients', ranks);
  const byBlock = new Map(units.map((unit) => [unit.block, unit]));
  const reducedAt = (unit: Unit | undefined): number =>
    unit === undefined ? endOfBackward - 2 : afterRun(unit.backward.last);
  const found: Span[] = [];
  for (const gradient of spans.filter(({ kind }) => kind === 'gradients')) {
    const at = reducedAt(byBlock.get(gradient.block));
    found.push({ ...gradient, kind: 'temporaries', end: Math.max(gradient.start + 1, at + 1) });
    found.push({ ...gradient, size: partOf(gradient, sharding), start: at + 1 });
  }
  // Units are reduced in the order of the backward pass; each message is freed when the next unit is reduced.
  const order: (Unit | undefined)[] = [...units.toReversed(), undefined];
  order.forEach((unit, index) => {
    const end = index + 1 < order.length ? reducedAt(order[index + 1]) : endOfBackward;
    const size = message(unit?.block ?? -1) * widening;
    if (size > 0) found.push(span('communication', 'reduce-scatter', size, reducedAt(unit), end));
  });
  return found;
}

/** DDP's buckets: as many bytes as gradients, from the start. */
function buckets({ spans, nodeCount }: Timeline): Span[] {
  const size = spans.reduce((sum, each) => sum + (each.kind === 'gradients' ? each.size : 0), 0);
  return size === 0 ? [] : [{ ...span('communication', 'buckets', size, 0, nodeCount * SLOTS), isKept: true }];
}

/** The bytes of all tensors of a kind in a unit: as they are, and as a message of equal parts. */
function unitSizes(
  { spans }: Timeline,
  kind: 'parameters' | 'gradients',
  ranks: number,
): { readonly whole: (block: number) => number; readonly message: (block: number) => number } {
  const wholes = new Map<number, number>();
  const messages = new Map<number, number>();
  for (const each of spans) {
    if (each.kind !== kind) continue;
    wholes.set(each.block, (wholes.get(each.block) ?? 0) + each.size);
    messages.set(each.block, (messages.get(each.block) ?? 0) + ranks * shardOf(each, ranks));
  }
  return { whole: (block) => wholes.get(block) ?? 0, message: (block) => messages.get(block) ?? 0 };
}

const afterRun = (node: number): number => node * SLOTS + RUNS + 2;
