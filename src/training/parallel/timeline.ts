/**
 * What is alive on one device over a step of training: stretches of time, each with bytes and what they are for.
 *
 * Invariant: a node of the graph has eight slots. It runs in the fifth, so that what a strategy does before and after a node
 * has slots of its own. What a node reads for the last time is freed in the slot after it.
 */
import { RELEASE } from '../../dialects/torch/operations.js';
import { analyzeLiveness, NO_BUFFER } from '../../liveness/liveness.js';
import type { Tensor } from '../../tensor/tensor.js';
import { OUTSIDE } from '../eager/tape.js';
import type { TrainingKind, TrainingPhase, TrainingStep } from '../measurement.js';

/** Slots of a node. */
export const SLOTS = 8;

/** The slot in which a node runs. */
export const RUNS = 4;

/** What bytes of a device are for: `gathered` parameters are whole for a while, `communication` are buffers of messages. */
export type DeviceKind = TrainingKind | 'gathered' | 'communication';

/** Bytes that are alive from slot `start` to before slot `end`. */
export interface Span {
  readonly size: number;
  readonly start: number;
  readonly end: number;
  readonly kind: DeviceKind;
  /** Of what is there between steps, and of gradients: the parameter's name, with what it is of it. */
  readonly name: string;
  /** The block that it belongs to: of a parameter, with its gradient, states and update; else of the node that makes it. */
  readonly block: number;
  /** Length of the first dimension in PyTorch's order; 1 of a scalar. */
  readonly rows: number;
  /** Whether the step leaves it behind. */
  readonly isKept: boolean;
}

/** Nodes of a block in a pass: the first, and the last. */
export interface Window {
  readonly first: number;
  readonly last: number;
}

/** Parameters that are handled together: those of a block, or those outside of all blocks. */
export interface Unit {
  /** -1 for what is outside of all blocks. */
  readonly block: number;
  readonly forward: Window;
  readonly backward: Window;
}

/** A step on one device. */
export interface Timeline {
  readonly spans: readonly Span[];
  readonly nodeCount: number;
  readonly phaseStarts: { readonly backward: number; readonly step: number };
  /** The operation of a node; null of one that computes nothing. */
  readonly ops: readonly (string | null)[];
  /** Blocks in the order in which they run forward. */
  readonly units: readonly Unit[];
  /** The node with which the loss begins, if that is outside of the model; else the first of the backward pass. */
  readonly modelEnd: number;
}

/** The timeline of a step on one device that does everything. O(nodes + sources). */
export function timelineOf(step: TrainingStep): Timeline {
  const { graph, phaseStarts, kinds, blocks } = step;
  const { problem, bufferOf } = analyzeLiveness(graph.table, 'off', 1);
  const blockOf = blocksOfParameters(step);
  const updated = blocksOfUpdates(step, blockOf);
  const outputs = new Set([...graph.outputs].map(({ root }) => root));
  // Gradients may lie in memory the other way round, but are split as their parameters are.
  const rowsOf = new Map(graph.leafs.map((leaf) => [leaf.name, leaf]));
  const spans: Span[] = [];
  bufferOf.forEach((buffer, index) => {
    const tensor = graph.tensors[index];
    if (buffer === NO_BUFFER || tensor.root !== tensor || problem.sizes[buffer] === 0) return;
    const isLeaf = problem.starts[buffer] === 0 && tensor.operation === null;
    const isKept = outputs.has(tensor);
    spans.push({
      size: problem.sizes[buffer],
      start: isLeaf ? 0 : problem.starts[buffer] * SLOTS + RUNS,
      end: isKept ? graph.nodes.length * SLOTS : (problem.ends[buffer] - 1) * SLOTS + RUNS + 1,
      kind: kinds[index],
      name: tensor.name,
      block: blockOf.get(tensor.name) ?? updated.get(tensor) ?? blocks[problem.starts[buffer]],
      rows: (rowsOf.get(tensor.name.replace(/\.grad$/, '')) ?? tensor).shape.at(-1) ?? 1,
      isKept,
    });
  });
  const ops = graph.nodes.map((node) => (node.isView || node.operation === RELEASE ? null : node.op));
  const units = [...new Set(blocks)]
    .filter((block) => block >= 0)
    .sort((a, b) => a - b)
    .map((block) => unitOf(step, block));
  const outside = blocks.subarray(0, phaseStarts.backward).indexOf(OUTSIDE);
  const modelEnd = outside === -1 ? phaseStarts.backward : outside;
  return { spans, nodeCount: graph.nodes.length, phaseStarts, ops, units, modelEnd };
}

/** The block whose nodes alone read a parameter; -1 if several do. */
function blocksOfParameters({ graph, phaseStarts, kinds, blocks }: TrainingStep): Map<string, number> {
  const found = new Map<Tensor, number>();
  graph.nodes.slice(0, phaseStarts.step).forEach((node, index) => {
    if (node.operation === RELEASE) return;
    for (const source of node.sources) {
      const root = source!.root;
      if (kinds[graph.idOf(root)] !== 'parameters') continue;
      const known = found.get(root);
      found.set(root, known === undefined || known === blocks[index] ? blocks[index] : -1);
    }
  });
  return new Map([...found].map(([{ name }, block]) => [name, block]));
}

/**
 * The blocks of states, of gradients, and of what the optimiser makes of them. The states of a parameter carry its name
 * with one more part; all else in the step reads one of these.
 */
function blocksOfUpdates(
  { graph, phaseStarts }: TrainingStep,
  blockOf: ReadonlyMap<string, number>,
): Map<Tensor, number> {
  const found = new Map<Tensor, number>();
  const ofName = (name: string): number | undefined => blockOf.get(name.slice(0, name.lastIndexOf('.')));
  const note = (tensor: Tensor, block: number | undefined): void => {
    if (block !== undefined) found.set(tensor, block);
  };
  for (const leaf of graph.leafs) note(leaf, ofName(leaf.name));
  graph.nodes.forEach((node, index) => {
    if (index < phaseStarts.step) return note(node.root, ofName(node.root.name));
    const [source] = node.sources;
    if (source !== undefined && source !== null) note(node, found.get(source.root) ?? blockOf.get(source.root.name));
  });
  return found;
}

function unitOf({ phaseStarts, blocks }: TrainingStep, block: number): Unit {
  const within = (from: number, to: number): Window => {
    const slice = blocks.subarray(from, to);
    const first = slice.indexOf(block);
    return first === -1 ? { first: from, last: from } : { first: from + first, last: from + slice.lastIndexOf(block) };
  };
  return {
    block,
    forward: within(0, phaseStarts.backward),
    backward: within(phaseStarts.backward, phaseStarts.step),
  };
}

/** The phase of a slot. */
export function phaseOf({ phaseStarts }: Timeline, slot: number): TrainingPhase {
  const node = Math.floor(slot / SLOTS);
  return node < phaseStarts.backward ? 'forward' : node < phaseStarts.step ? 'backward' : 'step';
}
