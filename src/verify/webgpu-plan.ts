/**
 * Checks what the dispatches of a graph bind against the graph, the plan and the rules of WebGPU.
 *
 * Invariant: shares no code with what makes bindings. Where a tensor must be is worked out from the plan's own entries.
 */
import { checkArgument, checkOptions, type OptionNames } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import type { Runtime } from '../runtime/runtime.js';
import type { RuntimeName } from '../runtime/runtimes.js';
import { resolveLimits, type WebGpuBufferLimits } from '../runtime/webgpu-limits.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkGraphAndPlan } from './check-plan.js';
import { findGroups } from './fused-groups.js';
import type { PlanLike } from './plan-like.js';
import { runtimeOf } from './verify-plan.js';
import {
  areObjects,
  buffersAbove,
  checkBindings,
  checkBuffers,
  checkCommands,
  checkTransfer,
  type BoundRange,
  type BufferPlace,
  type WebGpuCommand,
  type WebGpuRule,
  type WebGpuViolation,
} from './webgpu-commands.js';

/** Where a dispatch looks for a tensor: from `residual` bytes behind the start of a binding on. */
export interface BoundLike {
  readonly binding: number;
  readonly residual: number;
}

/** A dispatch of a graph, such as `bindingsOf` returns. */
export interface DispatchLike {
  /** The node, or those that are computed at once, in order. */
  readonly nodes: readonly Tensor[];
  readonly bindings: readonly BoundRange[];
  /** By source slot, node after node; null where nothing is bound. */
  readonly operands: readonly (BoundLike | null)[];
  readonly result: BoundLike | null;
}

/** How dispatches are checked. */
export interface WebGpuCheckOptions {
  /** Limits of the device. Default: what every WebGPU device guarantees. */
  readonly limits?: Partial<WebGpuBufferLimits>;
  /** The runtime, whose groups may be one dispatch. Default: the plan's. */
  readonly runtime?: RuntimeName | Runtime;
  /** The place of a storage outside of the arena, by the tensor that owns it. Default: each has a buffer of its own, from byte 0 on. */
  readonly outside?: (owner: Tensor) => BufferPlace;
  /** Bytes of buffers outside of the arena, by what stands for each; the ends of others are not known. Default: none. */
  readonly buffers?: ReadonlyMap<unknown, number>;
  /** Uploads, read-backs and copies beside the dispatches. Default: none. */
  readonly commands?: readonly WebGpuCommand[];
}

const OPTIONS: OptionNames<WebGpuCheckOptions> = {
  limits: true,
  runtime: true,
  outside: true,
  buffers: true,
  commands: true,
};

/**
 * Every rule of WebGPU that a plan and the dispatches of its graph break, in order of the dispatches; none means that a device
 * with these limits runs them all. Whether the plan is right for the graph, and which operands kernels may overwrite, is for
 * `verifyPlan` to say. O(sources · log sources).
 *
 * @param dispatches of every node that computes something, in the order of the graph
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`
 * @example
 * ```ts
 * import { Context, Graph, planGraph, verifyPlan } from 'tensor-arena';
 * import { dispatchesOf, verifyDispatches, webgpuTarget } from 'tensor-arena/webgpu';
 * const ctx = Context.deferred();
 * const x = ctx.setInput(ctx.newTensor('f32', [64], 'x'));
 * const graph = Graph.forward(ctx.setOutput(ctx.relu(x)));
 * const target = webgpuTarget();
 * const plan = planGraph(graph, { target });
 * console.log(verifyPlan(graph, plan), verifyDispatches(graph, plan, dispatchesOf(graph, plan, target))); // [], []
 * ```
 */
export function verifyDispatches(
  graph: Graph,
  plan: PlanLike,
  dispatches: readonly DispatchLike[],
  options: WebGpuCheckOptions = {},
): WebGpuViolation[] {
  checkGraphAndPlan(graph, plan);
  checkOptions(options, OPTIONS);
  checkDispatches(dispatches);
  const { commands = [], buffers: given = new Map<unknown, number>(), outside = ownBuffer } = options;
  const limits = resolveLimits(options.limits);
  checkBuffers(given);
  const remedy = 'Leave it out where each has a buffer of its own.';
  checkArgument(typeof outside === 'function', 'outside', outside, 'a function from a tensor to a place', remedy);
  checkCommands(commands);
  const buffers = new Map<unknown, number>([...plan.chunks.map((size, chunk) => [chunk, size] as const), ...given]);
  const violations: WebGpuViolation[] = [];
  const add = (node: Tensor | null, command: number | null, rule: WebGpuRule, what: string): void => {
    const who = node === null ? '' : `${node.label}, `;
    violations.push({ rule, node, command, message: `${rule}: ${who}${what}` });
  };
  buffersAbove(buffers, limits, (rule, what) => add(null, null, rule, what));
  const planned = new Map(plan.tensors.map(({ id, chunk, offset }) => [graph.tensors[id], { buffer: chunk, offset }]));
  const placeOf: PlaceOf = (owner) => (owner.memory === 'deferred' ? planned.get(owner) : outside(owner));
  dispatches.forEach((dispatch, index) => {
    const node = dispatch.nodes[dispatch.nodes.length - 1];
    const report = (rule: WebGpuRule, what: string): void => add(node, index, rule, what);
    checkBindings(dispatch.bindings, buffers, limits, report);
    checkTensors(dispatch, placeOf, report);
  });
  checkNodes(graph, dispatches, runtimeOf(plan, options), add);
  commands.forEach((command, index) => {
    if (command.kind === 'dispatch') checkBindings(command.bindings, buffers, limits, add.bind(null, null, index));
    else checkTransfer(command, buffers, add.bind(null, null, index));
  });
  return violations;
}

function checkDispatches(dispatches: readonly DispatchLike[]): void {
  const isList: boolean = Array.isArray(dispatches);
  const remedy = 'Give what dispatchesOf returns.';
  checkArgument(isList, 'dispatches', dispatches, 'a list of dispatches', remedy);
  dispatches.forEach((dispatch, index) => {
    const { nodes, bindings, operands } = Object(dispatch) as Partial<Record<string, unknown>>;
    const isDispatch = areObjects(nodes) && areObjects(bindings) && Array.isArray(operands);
    const hasNode = isDispatch && (nodes as readonly unknown[]).length > 0;
    checkArgument(hasNode, `dispatches[${index}]`, dispatch, '{ nodes, bindings, operands, result }', remedy);
  });
}

/** Where the storage that a tensor owns is; undefined if the plan does not say. */
type PlaceOf = (owner: Tensor) => BufferPlace | undefined;

const ownBuffer = (owner: Tensor): BufferPlace => ({ buffer: owner, offset: 0 });

/** Reports tensors that a dispatch does not find where they are, or cannot write. */
function checkTensors(
  { nodes, bindings, operands, result }: DispatchLike,
  placeOf: PlaceOf,
  report: (rule: WebGpuRule, what: string) => void,
): void {
  const last = nodes[nodes.length - 1];
  const check = (tensor: Tensor, bound: BoundLike | null | undefined, isWritten: boolean): void => {
    if (tensor.byteLength === 0) return;
    const range = bound ? (bindings[bound.binding] as BoundRange | undefined) : undefined;
    if (!bound || range === undefined) return report('wrong-place', `${tensor.label} is not bound`);
    const from = range.offset + bound.residual;
    const place = placeOf(tensor.root);
    const isThere = place !== undefined && place.buffer === range.buffer && place.offset + tensor.viewOffset === from;
    if (!isThere)
      report('wrong-place', `${tensor.label} is not at byte ${from} of the buffer of binding ${bound.binding}`);
    const isWithin = bound.residual >= 0 && bound.residual + tensor.byteLength <= (range.size ?? Infinity);
    if (!isWithin) report('wrong-place', `${tensor.label} reaches out of binding ${bound.binding}`);
    if (isWritten && range.access !== 'read-write') {
      report('wrong-access', `${tensor.label} is written through binding ${bound.binding}, which is for reading`);
    }
  };
  let slot = 0;
  for (const node of nodes) {
    node.sources.forEach((source, index) => {
      const bound = operands[slot++];
      const isInside = source !== null && source !== last && nodes.includes(source);
      if (source === null || isInside) return;
      check(source, bound, source === node || node.operation?.updates.includes(index) === true);
    });
  }
  check(last, result, true);
}

/** Reports nodes that no dispatch computes, or that are not computed when their turn comes. */
function checkNodes(
  graph: Graph,
  dispatches: readonly DispatchLike[],
  runtime: Runtime,
  add: (node: Tensor, command: number | null, rule: WebGpuRule, what: string) => void,
): void {
  const steps = new Map(graph.nodes.map((node, step) => [node, step]));
  const groups = new Set(findGroups(graph, runtime).map(({ nodes }) => nodes.map((node) => steps.get(node)).join()));
  const computed = new Set<Tensor>();
  let before = -1;
  dispatches.forEach(({ nodes }, index) => {
    const node = nodes[nodes.length - 1];
    const step = steps.get(node);
    if (step === undefined) return add(node, index, 'wrong-dispatch', 'is no node of the graph');
    if (nodes.length > 1 && !groups.has(nodes.map((each) => steps.get(each)).join())) {
      add(node, index, 'wrong-dispatch', `is computed at once with nodes that ${runtime.name} computes one by one`);
    }
    if (nodes.some((each) => computed.has(each))) add(node, index, 'wrong-dispatch', 'is computed twice');
    if (step < before) add(node, index, 'wrong-dispatch', 'is computed after a node that comes later in the graph');
    before = Math.max(before, step);
    for (const each of nodes) computed.add(each);
  });
  for (const node of graph.nodes) {
    const computes = node.operation !== null && !node.operation.isView;
    const isEmpty = node.byteLength === 0 && (node.operation?.updates.length ?? 0) === 0;
    if (computes && !isEmpty && !computed.has(node)) add(node, null, 'wrong-dispatch', 'is in no dispatch');
  }
}
