/**
 * A model as a graph of tensors in the ONNX dialect.
 *
 * - What constants alone decide is a weight: virtual, counted and never planned. No node computes it.
 * - A node that no output needs is left out, and so is an input that no such node reads.
 * - A node with several results becomes one node for each result that is read, one after another, which all read its
 *   operands: these live until the last of them. The results that nobody reads are part of its workspace.
 * - The bodies of a node are planned by themselves, one run at a time. The largest of their arenas is part of the node's
 *   workspace: bytes that lie beside all that is alive then. Values from outside that a body reads are operands of the
 *   node; results of the body lie in its arena, and the node has bytes for its results besides.
 *
 * Invariant: shapes turn around here. Those of the dialect have the outermost dimension first, those of tensors the
 * innermost.
 */
import { WORKSPACE_OPERATION } from '../dialects/onnx/operations.js';
import type { OnnxNode } from '../dialects/onnx/model.js';
import { Graph } from '../graph/graph.js';
import { measureGraph } from '../plan/measure.js';
import type { ElementType } from '../tensor/element-type.js';
import { contiguousStrides, elementCount } from '../tensor/layout.js';
import { PLAIN_TYPES } from '../tensor/plain-types.js';
import { Origin, Tensor, type MemoryKind, type OperationParam, type OperationParams } from '../tensor/tensor.js';
import { alignUp, checkBytes } from '../units.js';
import { infer, type Inferred } from './infer.js';
import { resolveOnnxOptions, type OnnxOptions } from './options.js';
import type { OnnxModel } from './read-onnx.js';
import type { Body, Step, Value } from './values.js';

/** Each part of a workspace begins at a multiple of so many bytes, as runtimes allocate. */
const WORKSPACE_ALIGNMENT = 64;

/**
 * The graph that computes a model's outputs for inputs of given shapes. O(nodes), and for nodes with bodies what
 * `measureGraph` takes of these.
 *
 * @param options lengths of open dimensions and shapes of inputs; nothing where the file has all of them
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL`, `UNKNOWN_OPERATION`, `UNKNOWN_SHAPE`, `BYTES_TOO_LARGE`
 *
 * @example
 * ```ts
 * import { measureGraph } from 'tensor-arena';
 * import { graphFromOnnx, readOnnx } from 'tensor-arena/onnx';
 * const model = await readOnnx('examples/squeezenet.onnx');
 * console.log(measureGraph(graphFromOnnx(model), { alignment: 64, reuse: 'off' }).bufferSize); // 6308352
 * ```
 */
export function graphFromOnnx(model: OnnxModel, options: OnnxOptions = {}): Graph {
  const { inputs, outputs, steps } = infer(model, resolveOnnxOptions(options));
  return new Builder().build(inputs, outputs, steps);
}

class Builder {
  readonly #origin = new Origin('onnx');
  readonly #leafs: Tensor[] = [];
  readonly #nodes: Tensor[] = [];
  readonly #tensors = new Map<Value, Tensor>();

  build(inputs: Inferred['inputs'], outputs: readonly Value[], steps: readonly Step[]): Graph {
    const { needed, read } = neededSteps(outputs, steps);
    for (const input of inputs) {
      if (!read.has(input)) continue;
      this.#origin.markInput(this.#leaf(input, 'deferred'));
    }
    for (const step of needed) this.#add(step, read);
    for (const output of outputs) {
      for (const each of output.items ?? [output]) this.#origin.markOutput(this.#tensorOf(each));
    }
    return new Graph({ leafs: this.#leafs, nodes: this.#nodes });
  }

  #leaf(value: Value, memory: MemoryKind): Tensor {
    const { type, shape } = value.known;
    const tensor = new Tensor({ origin: this.#origin, name: value.name, ...layoutOf(type, shape), memory });
    this.#tensors.set(value, tensor);
    this.#leafs.push(tensor);
    return tensor;
  }

  /** Whatever no node of this graph computes lies outside: weights, and what a body reads of the graph around it. */
  #tensorOf(value: Value): Tensor {
    return this.#tensors.get(value) ?? this.#leaf(value, 'virtual');
  }

  #add(step: Step, read: ReadonlySet<Value>): void {
    const { node, operation, outputs } = step;
    const sources = step.inputs.map((input) => (input === null ? null : this.#tensorOf(input)));
    if (operation.isView) {
      const [viewed] = sources as readonly Tensor[];
      this.#node(step, outputs[0]!, sources, { of: viewed.root, offset: viewed.viewOffset });
      return;
    }
    const wanted = outputs.filter((output): output is Value => output !== null && read.has(output));
    const workspace = workspaceOf(outputs, wanted, step.bodies);
    if (workspace > 0) {
      const slot = Math.max(sources.length, operation.operands.length - 1);
      while (sources.length < slot) sources.push(null);
      sources.push(this.#workspace(node, workspace));
    }
    for (const output of wanted) this.#node(step, output, sources);
  }

  #node(step: Step, value: Value, sources: readonly (Tensor | null)[], view?: { of: Tensor; offset: number }): void {
    const { type, shape } = value.known;
    const tensor = new Tensor({
      origin: this.#origin,
      name: value.name,
      operation: step.operation,
      ...layoutOf(type, shape),
      sources: [...sources],
      params: paramsOf(step.node, step.outputs.indexOf(value)),
      memory: view?.of.memory ?? 'deferred',
      view,
    });
    this.#tensors.set(value, tensor);
    this.#nodes.push(tensor);
  }

  #workspace({ name, op }: OnnxNode, bytes: number): Tensor {
    const tensor = new Tensor({
      origin: this.#origin,
      name: `${name || op} workspace`,
      operation: WORKSPACE_OPERATION,
      ...layoutOf(PLAIN_TYPES.u8, [bytes]),
      memory: 'deferred',
    });
    this.#nodes.push(tensor);
    return tensor;
  }
}

/** The steps that outputs need, in their order, and the values that somebody reads. */
function neededSteps(
  outputs: readonly Value[],
  steps: readonly Step[],
): { readonly needed: readonly Step[]; readonly read: ReadonlySet<Value> } {
  const read = new Set(outputs.flatMap((output) => output.items ?? [output]));
  const needed: Step[] = [];
  for (const step of steps.toReversed()) {
    if (step.isConstant || !step.outputs.some((output) => output !== null && read.has(output))) continue;
    needed.push(step);
    for (const input of step.inputs) for (const each of input?.items ?? [input]) if (each !== null) read.add(each);
  }
  return { needed: needed.reverse(), read };
}

/** Bytes that a node needs beside its results: those of results that nobody reads, and of its largest body. */
function workspaceOf(outputs: Step['outputs'], wanted: readonly Value[], bodies: readonly Body[]): number {
  let bytes = 0;
  for (const output of outputs) {
    if (output === null || wanted.includes(output)) continue;
    const { type, shape } = output.known;
    const { byteLength } = new Tensor({ origin: SCRATCH, ...layoutOf(type, shape), memory: 'virtual' });
    bytes += alignUp(byteLength, WORKSPACE_ALIGNMENT);
  }
  const arenas = bodies.map(({ inputs, outputs: results, steps }) => {
    const graph = new Builder().build(inputs, results, steps);
    return measureGraph(graph, { alignment: WORKSPACE_ALIGNMENT }).bufferSize;
  });
  return checkBytes(bytes + Math.max(0, ...arenas), 'workspace');
}

const SCRATCH = new Origin('onnx');

/** The layout of a value: elements of less than a byte lie packed, whatever the length of a row. */
function layoutOf(type: ElementType, shape: readonly number[]): Pick<Tensor, 'type' | 'shape' | 'strides'> {
  const inner = shape.toReversed();
  const isRagged = (inner[0] ?? 1) % type.blockSize !== 0;
  const packed = isRagged ? [alignUp(elementCount({ shape }), type.blockSize)] : inner;
  return { type, shape: packed, strides: contiguousStrides(type, packed) };
}

/** The settings of a node that a graph file can hold, and which of its results this is, where it is not the first. */
function paramsOf({ attributes }: OnnxNode, result: number): OperationParams {
  const params: Record<string, OperationParam> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) params[name] = value;
    else if (isPlainList(value)) params[name] = value;
  }
  if (result > 0) params['result'] = result;
  return params;
}

function isPlainList(value: unknown): value is readonly (number | string)[] {
  const isPlain = (each: unknown): boolean =>
    typeof each === 'string' || (typeof each === 'number' && Number.isFinite(each));
  return Array.isArray(value) && value.every(isPlain);
}
