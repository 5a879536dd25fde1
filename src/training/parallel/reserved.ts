/**
 * What PyTorch's caching allocator reserves for two steps of training, one after the other.
 */
import type { AllocationEvents } from '../cuda/simulate.js';
import type { Span, Timeline } from './timeline.js';

/** The allocations of the first step, then those of another; what steps leave behind stays. O(spans log spans). */
export function eventsOfSteps(first: Timeline, steady: Timeline): AllocationEvents {
  const spans = [...first.spans, ...steady.spans.filter(({ isKept }) => !isKept)];
  const order: number[] = [];
  turns(first.spans, 0, order);
  turns(spans.slice(first.spans.length), first.spans.length, order);
  return { sizes: Float64Array.from(spans, ({ size }) => Math.ceil(size)), order };
}

/** Events of a step, by slot: frees come first. What is kept is not freed. */
function turns(spans: readonly Span[], offset: number, order: number[]): void {
  const events = spans.flatMap(({ start, end, isKept }, index): [number, number][] => {
    const made: [number, number] = [start, offset + index];
    return isKept ? [made] : [made, [end, -1 - (offset + index)]];
  });
  events.sort(([a, x], [b, y]) => a - b || Number(x >= 0) - Number(y >= 0) || Math.abs(x) - Math.abs(y));
  for (const [, event] of events) order.push(event);
}
