/**
 * Tensor parallelism: each rank runs the program of a model with fewer heads, fewer columns of the feed-forward part, and a part of
 * the vocabulary. The first layer of each part is split by columns, the second by rows; the sums of the ranks are formed
 * in place. What lies between the parts is whole on each rank, or split along the sequence.
 */
import type { TrainingModel } from '../model.js';
import { RUNS, SLOTS, type Span, type Timeline } from './timeline.js';

/** The model that one of `ranks` ranks runs. */
export function localModel(model: TrainingModel, ranks: number): TrainingModel {
  if (ranks === 1) return model;
  const { heads, kvHeads, ffn, vocab } = model;
  return {
    ...model,
    heads: heads / ranks,
    kvHeads: kvHeads / ranks,
    ffn: ffn / ranks,
    vocab: Math.ceil(vocab / ranks),
  };
}

/**
 * Sequence parallelism: what is as large as the hidden state is split among the ranks, and is whole only while a block
 * reads it: one such tensor is counted over each block.
 *
 * @param elements elements of the hidden state of the batch
 */
export function splitAlongSequence(timeline: Timeline, ranks: number, elements: number): Timeline {
  const { spans, units } = timeline;
  const isHidden = ({ size, kind }: Span): boolean =>
    PASSING.has(kind) && (size === 2 * elements || size === 4 * elements);
  const bytes = spans.filter(isHidden).reduce((least, { size }) => Math.min(least, size), 4 * elements);
  const split = spans.map((span) => (isHidden(span) ? { ...span, size: Math.ceil(span.size / ranks) } : span));
  const whole = units.flatMap(({ block, forward, backward }) =>
    [forward, backward].map(({ first, last }): Span => ({
      size: bytes,
      start: first * SLOTS,
      end: last * SLOTS + RUNS + 1,
      kind: 'communication',
      name: 'all-gather',
      block,
      rows: 1,
      isKept: false,
    })),
  );
  return { ...timeline, spans: [...split, ...whole] };
}

const PASSING: ReadonlySet<Span['kind']> = new Set(['activations', 'recomputed', 'temporaries']);
