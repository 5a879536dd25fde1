/**
 * Pipelines: a device runs some blocks of the model, and several micro-batches are alive in it at once.
 *
 * Invariant: the passes of a micro-batch through a part of the model are cut out of the timeline of one step, and laid one behind
 * another in the order of the schedule. What crosses between stages is counted on both sides.
 */
import type { ResolvedStrategy } from './strategy.js';
import { SLOTS, type Span, type Timeline } from './timeline.js';

/** One pass of a micro-batch through a part of the model. */
export interface Turn {
  readonly pass: 'forward' | 'backward';
  /** Which part of the device's: 0 unless the schedule is interleaved. */
  readonly part: number;
  readonly microBatch: number;
}

/**
 * What a device does, in order. Before the first backward pass a device runs as many forward passes as there are stages behind it
 * (1F1B), all (GPipe), or for each part of its stage (interleaved); then one of each in turn.
 */
export function turnsOf(stage: number, strategy: ResolvedStrategy): Turn[] {
  const { pipelineParallel: stages, microBatches, stageParts, schedule } = strategy;
  const parts = schedule === 'interleaved' ? stageParts : 1;
  const total = microBatches * parts;
  const wanted = {
    gpipe: total,
    '1f1b': stages - stage - 1,
    interleaved: 2 * (stages - stage - 1) + (parts - 1) * stages,
  }[schedule];
  const ahead = Math.min(wanted, total);
  const turn = (pass: Turn['pass'], index: number): Turn => {
    // The interleaved schedule takes as many micro-batches as there are stages through one part, then through the next.
    const group = Math.floor(index / (stages * parts));
    const part = parts === 1 ? 0 : Math.floor(index / stages) % parts;
    const microBatch = parts === 1 ? index : group * stages + (index % stages);
    return { pass, part: pass === 'forward' ? part : parts - 1 - part, microBatch };
  };
  const turns: Turn[] = [];
  for (let index = 0; index < total + ahead; index++) {
    if (index < total) turns.push(turn('forward', index));
    if (index >= ahead) turns.push(turn('backward', index - ahead));
  }
  return turns;
}

/** Slots of a part of the model, in both passes. */
interface Part {
  readonly blocks: ReadonlySet<number>;
  readonly forward: readonly [number, number];
  readonly backward: readonly [number, number];
}

/** The timeline of the device of a stage. O(micro-batches × spans of the stage). */
export function stageTimeline(timeline: Timeline, stage: number, strategy: ResolvedStrategy): Timeline {
  const { pipelineParallel: stages, stageParts, schedule } = strategy;
  const count = schedule === 'interleaved' ? stageParts : 1;
  const parts = Array.from({ length: count }, (_, index) => partOf(timeline, index * stages + stage, stages * count));
  const turns = turnsOf(stage, strategy);
  const { starts, end, ops, firstBackward } = laidOut(timeline, parts, turns);
  const spans = parts.flatMap((part, index) => [
    ...passing(timeline, part, turnStarts(turns, starts, index)),
    ...lasting(timeline, part, turnStarts(turns, starts, index), end),
  ]);
  const nodes = Math.ceil(end / SLOTS);
  const stepNodes = timeline.nodeCount - timeline.phaseStarts.step;
  return {
    ...timeline,
    spans,
    nodeCount: nodes + stepNodes,
    phaseStarts: { backward: Math.floor(firstBackward / SLOTS), step: nodes },
    ops: [...ops, ...timeline.ops.slice(timeline.phaseStarts.step)],
    units: [],
  };
}

/** Blocks are dealt out evenly, the first parts get one more; the ends of the model go with the outer blocks. */
function partOf({ units, phaseStarts }: Timeline, part: number, parts: number): Part {
  const first = Math.ceil((part * units.length) / parts);
  const end = Math.ceil(((part + 1) * units.length) / parts);
  const own = units.slice(first, end).map(({ block }) => block);
  const [isFirst, isLast] = [part === 0, part === parts - 1];
  return {
    // What is outside of all blocks, such as the table of embeddings, is at both ends of the model.
    blocks: new Set(isFirst || isLast ? [...own, -1, -2] : own),
    forward: [
      isFirst ? 0 : units[first].forward.first * SLOTS,
      (isLast ? phaseStarts.backward : units[end].forward.first) * SLOTS,
    ],
    backward: [
      (isLast ? phaseStarts.backward : units[end - 1].backward.first) * SLOTS,
      (isFirst ? phaseStarts.step : units[first - 1].backward.first) * SLOTS,
    ],
  };
}

/** Lays the turns one behind another: where each begins, and the operations of all nodes. */
function laidOut(
  { ops: all }: Timeline,
  parts: readonly Part[],
  turns: readonly Turn[],
): { starts: number[]; end: number; ops: (string | null)[]; firstBackward: number } {
  const starts: number[] = [];
  const ops: (string | null)[] = [];
  let firstBackward = -1;
  for (const { pass, part } of turns) {
    const [from, to] = parts[part][pass];
    if (pass === 'backward' && firstBackward === -1) firstBackward = ops.length * SLOTS;
    starts.push(ops.length * SLOTS);
    for (let node = from / SLOTS; node < to / SLOTS; node++) ops.push(all[node]);
  }
  return { starts, end: ops.length * SLOTS, ops, firstBackward };
}

/** By micro-batch: where its passes through a part begin. */
type PassStarts = readonly { readonly forward: number; readonly backward: number }[];

function turnStarts(turns: readonly Turn[], starts: readonly number[], part: number): PassStarts {
  const found: { forward: number; backward: number }[] = [];
  turns.forEach((turn, index) => {
    if (turn.part !== part) return;
    (found[turn.microBatch] ??= { forward: 0, backward: 0 })[turn.pass] = starts[index];
  });
  return found;
}

/** What a micro-batch has in a part, once for each. */
function passing({ spans }: Timeline, { forward, backward }: Part, starts: PassStarts): Span[] {
  const [forwardStart, forwardEnd] = forward;
  const [backwardStart, backwardEnd] = backward;
  const within = (slot: number, [from, to]: readonly [number, number]): boolean => slot > from && slot <= to;
  return spans
    .flatMap((span): Span[] => {
      if (span.isKept || span.kind === 'gradients' || span.kind === 'parameters' || span.kind === 'inputs') return [];
      const { start, end } = span;
      const isMadeForward = start >= forwardStart && start < forwardEnd;
      const isMadeBackward = start >= backwardStart && start < backwardEnd;
      // What an earlier stage made and this one reads has been received.
      const isReceived = start < forwardStart && (within(end, forward) || within(end, backward));
      const isReturned = start >= forwardEnd && start < backwardStart && within(end, backward);
      return starts.flatMap(({ forward: f, backward: b }): Span[] => {
        const inForward = (slot: number): number =>
          f + Math.min(Math.max(slot, forwardStart), forwardEnd) - forwardStart;
        const inBackward = (slot: number): number =>
          b + Math.min(Math.max(slot, backwardStart), backwardEnd) - backwardStart;
        if (isMadeForward || isReceived) {
          return [{ ...span, start: inForward(start), end: end > backwardStart ? inBackward(end) : inForward(end) }];
        }
        return isMadeBackward || isReturned ? [{ ...span, start: inBackward(start), end: inBackward(end) }] : [];
      });
    })
    .filter(({ start, end }) => end > start);
}

/** What a part keeps for all micro-batches: parameters, states, gradients, and the update of the optimiser. */
function lasting(timeline: Timeline, { blocks, backward }: Part, starts: PassStarts, end: number): Span[] {
  const { spans, phaseStarts, nodeCount } = timeline;
  const step = phaseStarts.step * SLOTS;
  const last = end + (nodeCount - phaseStarts.step) * SLOTS;
  return spans.flatMap((span): Span[] => {
    if (span.kind === 'gradients') return blocks.has(span.block) ? accumulated(span, backward, starts, end, step) : [];
    if (span.start >= step) {
      const isOwn = blocks.has(span.block);
      return isOwn
        ? [{ ...span, start: span.start - step + end, end: span.isKept ? last : span.end - step + end }]
        : [];
    }
    if (!span.isKept) return [];
    return blocks.has(span.block) || span.kind === 'buffers' ? [{ ...span, start: 0, end: last }] : [];
  });
}

/** The gradient of the first micro-batch stays; those of the others are added to it and freed. */
function accumulated(
  span: Span,
  [from, to]: readonly [number, number],
  starts: PassStarts,
  end: number,
  step: number,
): Span[] {
  const at = Math.min(Math.max(span.start, from), to - 1) - from;
  const first = Math.min(...starts.map(({ backward }) => backward));
  return starts.map(({ backward }): Span =>
    backward === first
      ? { ...span, start: backward + at, end: Math.max(span.end - step, 1) + end }
      : { ...span, kind: 'temporaries', start: backward + at, end: backward + at + 1 },
  );
}
