/**
 * The nodes that compute the gradients of a loss, behind the nodes of its graph.
 *
 * Behaviour as in ggml's `ggml_build_backward_expand`: the same nodes in the same order, wherever ggml has a rule.
 */
import { checkArgument, checkOptions, PlannerError, subject, type OptionNames } from '../errors.js';
import { Context } from '../dialects/ggml/context.js';
import { CPY, SET_ROWS } from '../dialects/ggml/ops/memory.js';
import { DEPENDENCY, PERMUTE, RESHAPE, TRANSPOSE, VIEW } from '../dialects/ggml/ops/views.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { elementCount, sameShape } from '../tensor/layout.js';
import type { Operation } from '../tensor/operation.js';
import { requireTensor } from '../tensor/require-tensor.js';
import type { Tensor } from '../tensor/tensor.js';
import { checkContext } from './check-context.js';
import { GrowingGraph } from './growing-graph.js';
import type { GradientRule } from './rule.js';
import { findGradientRule } from './rules.js';
import { GradientState, noGradient, Site } from './site.js';

/** Settings of {@link gradients}. */
export interface GradientOptions {
  /** Where the new tensors are made. Default: a deferred context of their own. */
  readonly context?: Context;
  /**
   * By tensor, a tensor of the same shape that its gradient is added to, in place: it keeps sums over several runs. That of
   * the loss holds what differentiation begins with, usually ones. Default: none but one for the loss, immediate, all ones.
   */
  readonly accumulators?: ReadonlyMap<Tensor, Tensor>;
}

const GRADIENT_OPTIONS: OptionNames<GradientOptions> = { context: true, accumulators: true };

/** A graph with gradients. */
export interface Gradients {
  /** The given graph and, behind it, the nodes of the gradients. */
  readonly graph: Graph;
  /**
   * By tensor, its gradient, of its shape: for all tensors that the loss depends on and that depend on `wrt`, so that a
   * tensor of `wrt` which the loss does not depend on is missing.
   */
  readonly of: ReadonlyMap<Tensor, Tensor>;
}

/** Views that write nothing, so that their bytes are those of their operand, or that write over what needs no gradient. */
const DIFFERENTIABLE_VIEWS: ReadonlySet<Operation | null> = new Set([
  CPY,
  SET_ROWS,
  VIEW,
  RESHAPE,
  PERMUTE,
  TRANSPOSE,
  DEPENDENCY,
]);

const FLOATS: readonly string[] = ['f32', 'f16', 'bf16', 'f64'];

/**
 * Adds the nodes that compute the gradients of `loss` with respect to `wrt`. The graph that is given stays as it is; its
 * tensors are part of the new one.
 *
 * Each rule is that of ggml where ggml has one, so that nodes, order and names are ggml's; {@link GRADIENT_RULES} says
 * which are ours. O(nodes + sources).
 *
 * @param loss a node of `graph`; usually one element
 * @param wrt tensors of `graph`, such as weights
 * @throws PlannerError `NO_GRADIENT` if the loss depends on `wrt` by way of an operation without a rule, or through bytes
 * that are overwritten in place; `DANGLING_TENSOR` for a tensor that is not in the graph; `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { Context, Graph, measureGraph } from 'tensor-arena';
 * import { gradients } from 'tensor-arena/autodiff';
 * const weights = Context.virtual();
 * const ctx = Context.deferred();
 * const w = weights.newTensor('f32', [64, 8], 'w');
 * const x = ctx.setInput(ctx.newTensor('f32', [64, 32], 'x'));
 * const loss = ctx.setOutput(ctx.sum(ctx.sqr(ctx.mulMat(w, x))));
 * const { graph, of } = gradients(Graph.forward(loss), loss, [w]);
 * console.log(of.get(w)?.op, of.get(w)?.shape, measureGraph(graph).bufferSize); // OUT_PROD [64, 8, 1, 1] 11296
 * ```
 */
export function gradients(
  graph: Graph,
  loss: Tensor,
  wrt: readonly Tensor[],
  options: GradientOptions = {},
): Gradients {
  checkGraph(graph);
  checkOptions(options, GRADIENT_OPTIONS);
  checkInGraph(graph, loss, 'loss');
  checkArgument(Array.isArray(wrt) && wrt.length > 0, 'wrt', wrt, 'a list of tensors', 'Give the weights: [w1, w2].');
  for (const tensor of wrt as readonly Tensor[]) checkInGraph(graph, tensor, 'wrt');
  const { context = Context.deferred(), accumulators = new Map<Tensor, Tensor>() } = options;
  checkContext('context', context, ['deferred', 'immediate', 'virtual']);
  checkAccumulators(accumulators);
  const seeded = accumulators.has(loss) ? accumulators : new Map([...accumulators, [loss, onesLike(loss)]]);
  const growing = new GrowingGraph(new Set(wrt), graph);
  const of = differentiate(graph, growing, loss, wrt, context, seeded);
  return { graph: growing.graph(), of };
}

/** As {@link gradients}, into a graph that grows; `accumulators` has one for the loss. */
export function differentiate(
  forward: Pick<Graph, 'nodes'>,
  growing: GrowingGraph,
  loss: Tensor,
  wrt: readonly Tensor[],
  context: Context,
  accumulators: ReadonlyMap<Tensor, Tensor>,
): ReadonlyMap<Tensor, Tensor> {
  const state = new GradientState(context, growing, accumulators);
  const isWanted = new Set(wrt);
  for (const tensor of wrt) state.need(tensor);
  for (const node of forward.nodes) {
    if (!isWanted.has(node) && (node === loss || dependsOnNeeded(node, state.needed))) state.need(node);
  }
  for (const node of [...forward.nodes].reverse()) {
    const gradient = state.gradients.get(node);
    if (gradient === undefined || !dependsOnNeeded(node, state.needed)) continue;
    checkNode(node, state.needed);
    ruleOf(node)!.differentiate(new Site(node, gradient, state));
  }
  return state.gradients;
}

/** Whether the node has a gradient for one of its operands that need one. */
function dependsOnNeeded(node: Tensor, needed: ReadonlySet<Tensor>): boolean {
  if (!FLOATS.includes(node.type.name)) return false;
  const constantIn = ruleOf(node)?.constantIn ?? [];
  return node.sources.some((source, slot) => source !== null && needed.has(source) && !constantIn.includes(slot));
}

/** Throws unless the gradient can go on from a node to its operands. @throws PlannerError `NO_GRADIENT` */
function checkNode(node: Tensor, needed: ReadonlySet<Tensor>): void {
  if (ruleOf(node) === undefined) {
    const remedy = 'Compute the same with other operations, or leave the tensors behind it out of wrt.';
    throw noGradient(node, 'there is no rule for this operation', 'an operation of GRADIENT_RULES', remedy);
  }
  if (node.isView && !DIFFERENTIABLE_VIEWS.has(node.operation)) {
    const remedy = 'Leave the option inPlace, or the destination, out.';
    throw noGradient(
      node,
      'it is written in place, over values that are needed',
      'a result with bytes of its own',
      remedy,
    );
  }
  const strange = node.sources.find((source) => source && needed.has(source) && !FLOATS.includes(source.type.name));
  if (strange) {
    const remedy = 'Take a tensor of floats, such as an adapter beside a quantised weight.';
    const value = `the operand ${strange.label} is ${strange.type.name}`;
    throw noGradient(node, value, `operands of type ${FLOATS.join(', ')} where a gradient is needed`, remedy);
  }
}

function ruleOf({ operation }: Tensor): GradientRule | undefined {
  return operation === null ? undefined : findGradientRule(operation);
}

/** @throws PlannerError `BAD_ARGUMENT` */
function checkAccumulators(accumulators: ReadonlyMap<Tensor, Tensor>): void {
  const remedy = 'Give new Map([[weight, sum]]).';
  checkArgument(accumulators instanceof Map, 'accumulators', accumulators, 'a Map from tensors to tensors', remedy);
  for (const [tensor, sum] of accumulators) {
    requireTensor(tensor, 'tensor of accumulators');
    requireTensor(sum, `accumulator of ${tensor.label}`);
    const culprit = `shape of the accumulator of ${tensor.label}`;
    const limit = `[${tensor.shape.join(', ')}]`;
    checkArgument(sameShape(tensor, sum), culprit, sum.shape, limit, 'Make it of the shape of its tensor.');
  }
}

function onesLike(loss: Tensor): Tensor {
  const context = Context.immediate();
  return context.write(context.newTensor('f32', loss.ne), new Float32Array(elementCount(loss)).fill(1));
}

/** @throws PlannerError `DANGLING_TENSOR`, `BAD_ARGUMENT` */
function checkInGraph(graph: Graph, tensor: Tensor, what: string): void {
  requireTensor(tensor, what);
  if (!graph.has(tensor))
    throw notInGraph(tensor, 'Build the graph of a tensor that depends on it: Graph.forward(loss).');
}

export function notInGraph({ label }: Tensor, remedy: string): PlannerError {
  return new PlannerError('DANGLING_TENSOR', {
    message: `${subject(label)} is not in the graph.`,
    culprit: label,
    value: 'not in the graph',
    limit: 'a tensor of the graph',
    remedy,
  });
}
