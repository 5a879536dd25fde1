/**
 * Offloading: what lies on the host between its uses, and what crosses for it in a step.
 *
 * - `optimizer`: states lie on the host, which also makes the update: gradients go there, parameters come back.
 * - `parameters`: they come for each block, in each pass, and their gradients go to the host.
 * - `activations`: what the forward pass keeps for the backward pass goes to the host after its last use there, and
 *   comes back for the block that reads it.
 */
import type { Sharding } from './shards.js';
import type { Offload } from './strategy.js';
import { SLOTS, type Span, type Timeline } from './timeline.js';

/** A step with what lies on the host, and what crosses in a step. All sizes are bytes. */
export interface Offloaded {
  readonly timeline: Timeline;
  /** Most bytes on the host at once. */
  readonly host: number;
  readonly toHost: number;
  readonly fromHost: number;
}

/** Tensors of fewer bytes stay on the device: a copy would take longer than it saves. */
const LEAST_BYTES = 1024;

/** Takes off the device what lies on the host. O(spans). */
export function offloaded(timeline: Timeline, what: readonly Offload[], { splitsParameters }: Sharding): Offloaded {
  let result: Offloaded = { timeline, host: 0, toHost: 0, fromHost: 0 };
  if (what.includes('activations')) result = withoutActivations(result);
  if (what.includes('optimizer')) result = withoutStates(result);
  if (what.includes('parameters')) result = withoutParameters(result, splitsParameters);
  return result;
}

function sumOf(spans: readonly Span[], isCounted: (span: Span) => boolean): number {
  return spans.reduce((sum, span) => sum + (isCounted(span) ? span.size : 0), 0);
}

function withoutStates({ timeline, host, toHost, fromHost }: Offloaded): Offloaded {
  const { spans, phaseStarts } = timeline;
  const isUpdate = ({ kind, start }: Span): boolean => kind === 'temporaries' && start >= phaseStarts.step * SLOTS;
  const states = sumOf(spans, ({ kind }) => kind === 'optimizerStates');
  const gradients = sumOf(spans, ({ kind }) => kind === 'gradients');
  return {
    timeline: { ...timeline, spans: spans.filter((span) => span.kind !== 'optimizerStates' && !isUpdate(span)) },
    host: host + states + gradients,
    toHost: toHost + gradients,
    fromHost: fromHost + gradients, // as many bytes of new parameters
  };
}

function withoutParameters({ timeline, host, toHost, fromHost }: Offloaded, areGathered: boolean): Offloaded {
  if (!areGathered) throw new RangeError('parameters on the host are gathered block by block');
  const { spans } = timeline;
  const parameters = sumOf(spans, ({ kind }) => kind === 'parameters');
  const gathers = sumOf(spans, ({ kind, name }) => kind === 'gathered' && name !== '') / wholeBytes(spans);
  return {
    timeline: { ...timeline, spans: spans.filter(({ kind }) => kind !== 'parameters') },
    host: host + parameters,
    toHost,
    fromHost: fromHost + Math.round(parameters * gathers),
  };
}

/** Bytes of all parameters, whole: each block once. */
function wholeBytes(spans: readonly Span[]): number {
  const byBlock = new Map(spans.filter(({ kind }) => kind === 'gathered').map(({ name, size }) => [name, size]));
  return Math.max(
    1,
    [...byBlock.values()].reduce((sum, size) => sum + size, 0),
  );
}

function withoutActivations({ timeline, host, toHost, fromHost }: Offloaded): Offloaded {
  const { spans, units, phaseStarts } = timeline;
  const turn = phaseStarts.backward * SLOTS;
  const byBlock = new Map(units.map((unit) => [unit.block, unit]));
  let moved = 0;
  const left = spans.flatMap((span): Span[] => {
    const unit = byBlock.get(span.block);
    const isSaved = span.kind === 'activations' && span.start < turn && span.end > turn && span.size >= LEAST_BYTES;
    if (!isSaved || unit === undefined) return [span];
    const leaves = { ...span, end: Math.max(span.start + 1, (unit.forward.last + 1) * SLOTS) };
    const comes = { ...span, start: Math.max(leaves.end, unit.backward.first * SLOTS) };
    if (comes.start >= comes.end) return [span]; // freed before the backward pass of its block
    moved += span.size;
    return [leaves, comes];
  });
  return {
    timeline: { ...timeline, spans: left },
    host: host + moved,
    toHost: toHost + moved,
    fromHost: fromHost + moved,
  };
}
