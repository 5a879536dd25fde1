/**
 * What one dispatch binds: ranges of buffers that WebGPU accepts together.
 *
 *     offset   0     256    512    768            A binding begins at a multiple of 256, so that a view is bound from the
 *     view           ·  [=========)               multiple below it; the rest, its residual, is for the shader to add.
 *     binding        [============)               Ranges that meet in a buffer that is written become one.
 *
 * Invariant: in a dispatch, all bindings of a buffer have the same access, and no range that is written meets another.
 */
import { checkArgument, named, PlannerError, subject } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import type { PlanLayout } from '../plan/layout.js';
import { WEBGPU_STEP, type WebGpuBufferLimits } from '../runtime/webgpu-limits.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { alignUp } from '../units.js';
import { checkPlanAndPlaces, ownBuffer, placeOf, type OutsidePlace } from './places.js';

/** How a shader declares the storage of a binding. */
export type StorageAccess = 'read' | 'read-write';

/** What bindings keep to. A `webgpuTarget` is such an object. */
export interface BindingTarget {
  readonly limits: WebGpuBufferLimits;
  /** How dispatches bind operands in the arena that they only read. */
  readonly operands: StorageAccess;
}

/** Bytes of a buffer that a shader sees; with the buffer itself in place of `buffer`, a resource for `createBindGroup`. */
export interface BufferBinding<Outside = Tensor> {
  /** The chunk of the plan; or what holds a storage outside of the arena: the tensor that owns it, unless you say otherwise. */
  readonly buffer: number | Outside;
  /** Bytes from the start of the buffer. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /** How the shader must declare it: all bindings of one buffer in one dispatch are alike. */
  readonly access: StorageAccess;
}

/** Where a shader finds a tensor. */
export interface BoundTensor {
  /** Index in `bindings`; the same one for tensors whose bytes meet. */
  readonly binding: number;
  /** Bytes from the start of the binding to the first byte of the tensor, for the shader to add. */
  readonly residual: number;
}

/** What one dispatch binds. */
export interface DispatchBindings<Outside = Tensor> {
  /** The node, or those that are computed at once, in order. */
  readonly nodes: readonly Tensor[];
  readonly bindings: readonly BufferBinding<Outside>[];
  /**
   * By source slot of the node; of nodes computed at once, those of one node after another. Null for a slot without a
   * tensor, for a tensor without bytes, and for results that do not leave the dispatch.
   */
  readonly operands: readonly (BoundTensor | null)[];
  /** Where the result is written: of nodes computed at once, that of the last. Null if it has no bytes. */
  readonly result: BoundTensor | null;
}

/**
 * What the dispatch of a node binds. Each storage outside of the arena, such as a weight, has a buffer of its own, from byte 0
 * on, of its bytes rounded up to a multiple of 4. O(operands · log operands).
 *
 * @param nodes the node; or those of a group that the runtime computes at once, in order, of which only the last result
 * is written. A node that only looks at bytes has no dispatch, and binds nothing
 * @throws PlannerError `BAD_ARGUMENT` if the plan was not made for such a target; `NOT_READABLE` for tensors of another
 * graph; `UNBINDABLE` if the device allows no such dispatch
 */
export function bindingsOf(
  plan: PlanLayout,
  nodes: Tensor | readonly Tensor[],
  target: BindingTarget,
): DispatchBindings;
/**
 * The same, with storages outside of the arena where you say that they are.
 *
 * @param outside the place of such a storage, by the tensor that owns it
 */
export function bindingsOf<Outside extends object | string>(
  plan: PlanLayout,
  nodes: Tensor | readonly Tensor[],
  target: BindingTarget,
  outside: (owner: Tensor) => OutsidePlace<Outside>,
): DispatchBindings<Outside>;
export function bindingsOf(
  plan: PlanLayout,
  nodes: Tensor | readonly Tensor[],
  target: BindingTarget,
  outside: (owner: Tensor) => OutsidePlace<unknown> = ownBuffer,
): DispatchBindings<unknown> {
  checkPlanAndPlaces(plan, outside);
  const hasLimits = typeof (Object(target) as Partial<BindingTarget>).limits === 'object';
  checkArgument(hasLimits, 'target', target, 'a target with limits', 'Give what webgpuTarget returns.');
  const { limits, operands } = target;
  const alignment = limits.minStorageBufferOffsetAlignment;
  checkArgument(
    plan.alignment % alignment === 0,
    'plan.alignment',
    plan.alignment,
    `a multiple of ${alignment}, the minStorageBufferOffsetAlignment`,
    'Plan the graph with the option `target`.',
  );
  const locate = (owner: Tensor): Location => {
    return { ...placeOf(plan, owner, outside), access: owner.memory === 'deferred' ? operands : 'read' };
  };
  const list = Array.isArray(nodes) ? (nodes as readonly Tensor[]) : [nodes as Tensor];
  checkArgument(list.length > 0, 'nodes', nodes, 'a node, or a list of them', 'Give the nodes of one dispatch.');
  for (const node of list) requireTensor(node);
  return bind(list, limits, locate);
}

/**
 * What each dispatch of a graph binds, one for each node that computes something, in order. Complexity and errors as
 * {@link bindingsOf}.
 */
export function dispatchesOf(graph: Graph, plan: PlanLayout, target: BindingTarget): DispatchBindings[];
/**
 * The same, with storages outside of the arena where you say that they are.
 *
 * @param outside as of {@link bindingsOf}
 */
export function dispatchesOf<Outside extends object | string>(
  graph: Graph,
  plan: PlanLayout,
  target: BindingTarget,
  outside: (owner: Tensor) => OutsidePlace<Outside>,
): DispatchBindings<Outside>[];
export function dispatchesOf(
  graph: Graph,
  plan: PlanLayout,
  target: BindingTarget,
  outside: (owner: Tensor) => OutsidePlace<object | string> = ownBuffer,
): DispatchBindings<object | string>[] {
  checkGraph(graph);
  return graph.nodes.filter(isDispatched).map((node) => bindingsOf(plan, node, target, outside));
}

/** Whether a dispatch computes a node: its operation does more than look at bytes, and there are bytes to write. */
export function isDispatched(node: Tensor): boolean {
  if (node.operation === null || isPureView(node)) return false;
  return node.byteLength > 0 || node.operation.updates.length > 0;
}

/** Checks that a node has legal bindings wherever its storages are. @throws PlannerError `UNBINDABLE` */
export function checkDispatch(node: Tensor, limits: WebGpuBufferLimits, operands: StorageAccess): void {
  bind([node], limits, (owner) => {
    return { buffer: owner, offset: 0, access: owner.memory === 'deferred' ? operands : 'read' };
  });
}

/** Where a storage is, and how it is bound in a dispatch that does not write to its buffer. */
interface Location extends OutsidePlace<unknown> {
  readonly access: StorageAccess;
}

/** A tensor that a dispatch reads or writes. */
interface Use {
  readonly tensor: Tensor;
  readonly isWritten: boolean;
}

/** The bytes of a use, rounded to what can be bound. */
interface Span extends Use, Location {
  readonly from: number;
  readonly to: number;
}

/** Bytes that are bound once. */
interface Range {
  readonly buffer: unknown;
  readonly from: number;
  to: number;
  readonly access: StorageAccess;
  /** What is bound, for messages. */
  readonly tensor: Tensor;
}

function bind(
  nodes: readonly Tensor[],
  limits: WebGpuBufferLimits,
  locate: (owner: Tensor) => Location,
): DispatchBindings<unknown> {
  const spans = usesOf(nodes).map((use) => (use === null ? null : spanOf(use, locate, limits)));
  const rangeOf = rangesOf(spans.filter((span) => span !== null));
  const ranges = [...new Set(spans.flatMap((span) => (span === null ? [] : rangeOf.get(span)!)))];
  checkRanges(nodes[nodes.length - 1], ranges, limits);
  const bound = spans.map((span) => {
    if (span === null) return null;
    const range = rangeOf.get(span)!;
    return { binding: ranges.indexOf(range), residual: span.offset - range.from };
  });
  return {
    nodes,
    bindings: ranges.map(({ buffer, from, to, access }) => ({ buffer, offset: from, size: to - from, access })),
    operands: bound.slice(0, -1),
    result: bound[bound.length - 1],
  };
}

/** What a dispatch reads, slot by slot, and what it writes at the end. */
function usesOf(nodes: readonly Tensor[]): (Use | null)[] {
  const last = nodes[nodes.length - 1];
  const uses = nodes.flatMap((node) =>
    node.sources.map((tensor, slot): Use | null => {
      const isInside = tensor !== null && tensor !== last && nodes.includes(tensor);
      if (tensor === null || isInside || !isDispatched(last)) return null;
      return { tensor, isWritten: tensor === node || node.operation!.updates.includes(slot) };
    }),
  );
  return [...uses, isDispatched(last) ? { tensor: last, isWritten: true } : null];
}

/** Null for what has no bytes. */
function spanOf(use: Use, locate: (owner: Tensor) => Location, limits: WebGpuBufferLimits): Span | null {
  const { tensor } = use;
  if (tensor.byteLength === 0) return null;
  const location = locate(tensor.root);
  const offset = location.offset + tensor.viewOffset;
  const alignment = limits.minStorageBufferOffsetAlignment;
  const from = Math.floor(offset / alignment) * alignment;
  const to = alignUp(offset + (tensor.isView ? tensor.byteLength : tensor.storageBytes), WEBGPU_STEP);
  return { ...use, ...location, offset, from, to };
}

/** The range of each span. A range within another is no other, and where the buffer is written, ranges that meet are one. */
function rangesOf(spans: readonly Span[]): ReadonlyMap<Span, Range> {
  const written = new Set(spans.flatMap(({ buffer, isWritten }) => (isWritten ? [buffer] : [])));
  const lastIn = new Map<unknown, Range>();
  const rangeOf = new Map<Span, Range>();
  for (const span of [...spans].sort((a, b) => a.from - b.from || b.to - a.to)) {
    const { buffer, from, to, tensor } = span;
    const access = written.has(buffer) ? 'read-write' : span.access;
    let range = lastIn.get(buffer);
    const isOne = range !== undefined && (access === 'read' ? to <= range.to : from < range.to);
    if (range === undefined || !isOne) lastIn.set(buffer, (range = { buffer, from, to, access, tensor }));
    range.to = Math.max(range.to, to);
    rangeOf.set(span, range);
  }
  return rangeOf;
}

/** @throws PlannerError `UNBINDABLE` */
function checkRanges(node: Tensor, ranges: readonly Range[], limits: WebGpuBufferLimits): void {
  const { maxStorageBufferBindingSize: largest, maxStorageBuffersPerShaderStage: most } = limits;
  for (const { tensor, from, to } of ranges) {
    if (to - from <= largest) continue;
    const culprit = tensor.label;
    const reader = tensor === node ? '' : `, which ${named(node.label)} reads,`;
    throw new PlannerError('UNBINDABLE', {
      message: `${subject(culprit)}${reader} takes ${to - from} bytes, but a binding may have at most ${largest}.`,
      culprit,
      value: to - from,
      limit: `at most ${largest} bytes, the maxStorageBufferBindingSize`,
      remedy: 'Ask for a device with a larger maxStorageBufferBindingSize, or split the tensor.',
    });
  }
  if (ranges.length <= most) return;
  const culprit = node.label;
  throw new PlannerError('UNBINDABLE', {
    message: `${subject(culprit)} reads and writes ${ranges.length} storages, but a dispatch may have at most ${most} bindings.`,
    culprit,
    value: ranges.length,
    limit: `at most ${most} bindings, the maxStorageBuffersPerShaderStage`,
    remedy: 'Ask for a device with a larger maxStorageBuffersPerShaderStage, or compute it in several nodes.',
  });
}
