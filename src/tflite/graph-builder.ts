/**
 * Puts the graph of a model together, operator by operator. The subgraphs that an operator runs are planned on top of
 * what is alive while it runs.
 *
 *     operator with results a, b     nodes: a, RESULT b, END of both
 *     IF with two subgraphs          nodes: results, inputs and operators of the first, of the second, END of all
 *
 * Invariant: all operands and results of an operator are alive together, at its last node at the latest, and what nobody
 * reads lives no longer.
 */
import { named, PlannerError } from '../errors.js';
import { findTfliteOperation } from '../dialects/tflite/operations.js';
import { Graph } from '../graph/graph.js';
import { ELEMENT_TYPES } from '../tensor/element-type.js';
import { unknownOperation, type Operation } from '../tensor/operation.js';
import { Origin, Tensor, type OperationParams, type ReuseRule } from '../tensor/tensor.js';
import type { TfliteConvention } from './conventions.js';
import { Frame } from './frame.js';
import { layoutOf } from './layout.js';
import type { TfliteModel, TfliteOperator, TfliteTensorPlace } from './model.js';
import { inferResults, labelOf, type ShapesByName } from './result-shapes.js';

/** So many operators may run, those of subgraphs counted each time that they are run. */
const MOST_OPERATORS = 50_000;
/** Subgraphs may run others so deep. */
const MOST_FRAMES = 64;

/** What the caller says of the operators. */
export interface BuilderOptions {
  readonly convention: TfliteConvention;
  readonly bounds: ShapesByName;
  readonly overwrites: Readonly<Record<string, readonly number[]>>;
}

export class GraphBuilder {
  readonly #model: TfliteModel;
  readonly #options: BuilderOptions;
  readonly #origin = new Origin('tflite');
  readonly #leafs: Tensor[] = [];
  readonly #nodes: Tensor[] = [];
  readonly #customs = new Map<string, Operation>();
  /** Where the file has what a tensor of the graph stands for. */
  readonly #places = new Map<Tensor, TfliteTensorPlace>();
  #operatorCount = 0;
  #depth = 0;

  constructor(model: TfliteModel, options: BuilderOptions) {
    this.#model = model;
    this.#options = options;
  }

  /** The graph of a subgraph by itself. */
  build(index: number, inputShapes: ReadonlyMap<number, readonly number[]>): Graph {
    const { keepsInputs } = this.#options.convention;
    const frame = new Frame(this.#model, index);
    for (const id of frame.subgraph.inputs) {
      if (id < 0 || frame.tensors[id] !== undefined || this.#constantOf(frame, id) !== undefined) continue;
      frame.setShape(id, inputShapes.get(id) ?? frame.shapeOf(id));
      const leaf = this.#leaf(frame, index, id, 'deferred');
      this.#origin.markInput(leaf);
      if (keepsInputs) this.#origin.markOutput(leaf);
    }
    this.#run(frame, index);
    for (const id of frame.subgraph.outputs)
      if (id >= 0) this.#origin.markOutput(this.#operand(frame, index, id, 'the outputs'));
    return new Graph({ leafs: this.#leafs, nodes: this.#nodes });
  }

  get places(): ReadonlyMap<Tensor, TfliteTensorPlace> {
    return this.#places;
  }

  #run(frame: Frame, index: number): void {
    frame.subgraph.operators.forEach((operator, number) => {
      if (++this.#operatorCount > MOST_OPERATORS) this.#tooMany(`${MOST_OPERATORS} operators`);
      this.#runOperator(frame, index, operator, number);
    });
  }

  #runOperator(frame: Frame, index: number, operator: TfliteOperator, number: number): void {
    const label = labelOf(frame, operator, number);
    const operands = operator.inputs.map((id) => (id < 0 ? null : this.#operand(frame, index, id, label)));
    inferResults(frame, operator, number, this.#options.bounds);
    const outputs = operator.outputs.filter((id) => id >= 0 && !frame.subgraph.tensors[id].isVariable);
    for (const id of outputs) this.#requireNew(frame, id, label);
    if (this.#becomesLeaf(operator, operands, outputs)) {
      frame.tensors[outputs[0]] = this.#leaf(frame, index, outputs[0], 'virtual');
      return;
    }
    const results = outputs.map((id, result) => {
      const first = result === 0 ? null : frame.tensors[outputs[0]]!;
      const node = first === null ? this.#first(frame, id, operator, operands) : this.#further(frame, id, first);
      this.#places.set(node, { subgraph: index, tensor: id });
      return (frame.tensors[id] = node);
    });
    for (const callee of operator.subgraphs) this.#runSubgraph(callee, operator, operands);
    const isUnread = outputs.some((id) => frame.readCounts[id] === 0);
    if (outputs.length !== 1 || isUnread || operator.subgraphs.length > 0) this.#end([...operands, ...results]);
  }

  /** Whether the result is computed once, before the first run. */
  #becomesLeaf({ op }: TfliteOperator, operands: readonly (Tensor | null)[], outputs: readonly number[]): boolean {
    const isConstant = operands.every(
      (each) => each === null || (each.memory === 'virtual' && each.operation === null),
    );
    return outputs.length === 1 && isConstant && this.#options.convention.runsOnce.includes(op);
  }

  #first(frame: Frame, id: number, operator: TfliteOperator, operands: readonly (Tensor | null)[]): Tensor {
    const view = this.#viewed(frame, id, operator, operands);
    if (view !== null) return this.#node(frame, id, rowOf('VIEW'), [view], { of: operator.op }, { view });
    const reuseRule = this.#reuseRuleOf(operator);
    return this.#node(frame, id, this.#operationOf(operator), operands, operator.params, { reuseRule });
  }

  #further(frame: Frame, id: number, first: Tensor): Tensor {
    return this.#node(frame, id, rowOf('RESULT'), [first], {}, {});
  }

  /** The operand whose bytes the result may have; null if there is none. */
  #viewed(frame: Frame, id: number, { op }: TfliteOperator, [operand]: readonly (Tensor | null)[]): Tensor | null {
    const { views, sharesEnds } = this.#options.convention;
    if (!views.includes(op) || !operand || operand.root.memory !== 'deferred') return null;
    if (!sharesEnds && (this.#origin.inputs.has(operand.root) || frame.subgraph.outputs.includes(id))) return null;
    const { type } = frame.subgraph.tensors[id];
    return layoutOf(type, frame.shapeOf(id)).byteLength === operand.byteLength ? operand : null;
  }

  #runSubgraph(callee: number, operator: TfliteOperator, operands: readonly (Tensor | null)[]): void {
    if (++this.#depth > MOST_FRAMES) this.#tooMany(`${MOST_FRAMES} subgraphs that run one another`);
    const frame = new Frame(this.#model, callee);
    const given = operator.op === 'IF' ? operands.slice(1) : operands;
    const inputs = frame.subgraph.inputs.filter((id) => id >= 0);
    const unread: Tensor[] = [];
    inputs.forEach((id, position) => {
      if (frame.tensors[id] !== undefined || this.#constantOf(frame, id) !== undefined) return;
      const source = given[position] ?? null;
      const node = this.#node(frame, id, rowOf('SUBGRAPH_INPUT'), source === null ? [] : [source], {}, {});
      this.#places.set(node, { subgraph: callee, tensor: id });
      frame.tensors[id] = node;
      if (frame.readCounts[id] === 0) unread.push(node);
    });
    if (unread.length > 0) this.#end(unread);
    this.#run(frame, callee);
    const outputs = frame.subgraph.outputs.filter((id) => id >= 0);
    this.#end(outputs.map((id) => this.#operand(frame, callee, id, `the outputs of subgraph ${callee}`)));
    this.#depth--;
  }

  /** A node without bytes that reads tensors: they live until then. */
  #end(sources: readonly (Tensor | null)[]): void {
    const layout = layoutOf(ELEMENT_TYPES.i8, [0]);
    const name = `end_${this.#nodes.length}`;
    this.#nodes.push(
      new Tensor({
        origin: this.#origin,
        name,
        operation: rowOf('END'),
        ...layout,
        sources: [...sources],
        memory: 'virtual',
      }),
    );
  }

  #node(
    frame: Frame,
    id: number,
    operation: Operation,
    sources: readonly (Tensor | null)[],
    params: OperationParams,
    { view, reuseRule }: { readonly view?: Tensor; readonly reuseRule?: ReuseRule | undefined },
  ): Tensor {
    const { type, name } = frame.subgraph.tensors[id];
    const node = new Tensor({
      origin: this.#origin,
      name,
      operation,
      ...layoutOf(type, frame.shapeOf(id), frame.nameOf(id)),
      sources: [...sources],
      params,
      memory: 'deferred',
      view: view && { of: view, offset: 0 },
      reuseRule,
    });
    this.#nodes.push(node);
    return node;
  }

  #leaf(frame: Frame, index: number, id: number, memory: 'deferred' | 'virtual'): Tensor {
    const { type, name } = frame.subgraph.tensors[id];
    const leaf = new Tensor({
      origin: this.#origin,
      name,
      ...layoutOf(type, frame.shapeOf(id), frame.nameOf(id)),
      memory,
    });
    this.#leafs.push(leaf);
    this.#places.set(leaf, { subgraph: index, tensor: id });
    frame.tensors[id] = leaf;
    return leaf;
  }

  #operand(frame: Frame, index: number, id: number, label: string): Tensor {
    const tensor = frame.tensors[id] ?? this.#constantOf(frame, id, index);
    if (tensor !== undefined) return tensor;
    // What nothing ever computes is memory for the operator itself, as compilers for accelerators ask for it.
    if (frame.isComputed[id] === 0) return this.#leaf(frame, index, id, 'deferred');
    const name = frame.nameOf(id);
    return this.#fail(`${label} reads ${named(name)}, which nothing has computed by then`, name);
  }

  /** What needs no plan: a constant, a variable or a tensor without elements. */
  #constantOf(frame: Frame, id: number, index = 0): Tensor | undefined {
    const { isConstant, isVariable, type } = frame.subgraph.tensors[id];
    const isEmpty = type.blockBytes === 0 || frame.shapeOf(id).includes(0);
    if (isConstant || isVariable) return this.#leaf(frame, index, id, 'virtual');
    return isEmpty && frame.tensors[id] === undefined ? this.#leaf(frame, index, id, 'virtual') : undefined;
  }

  #requireNew(frame: Frame, id: number, label: string): void {
    const name = frame.nameOf(id);
    if (frame.tensors[id] !== undefined || frame.subgraph.tensors[id].isConstant) {
      this.#fail(`${label} computes ${named(name)}, which has a value before`, name);
    }
  }

  #operationOf({ op, isCustom }: TfliteOperator): Operation {
    const known = isCustom ? undefined : findTfliteOperation(op);
    const operation = known ?? this.#customs.get(op) ?? unknownOperation(op);
    if (known === undefined) this.#customs.set(op, operation);
    return operation;
  }

  #reuseRuleOf({ op, inputs, isCustom }: TfliteOperator): ReuseRule | undefined {
    const { overwrites } = this.#options;
    if (isCustom && Object.hasOwn(overwrites, op)) return { reusesAny: false, operands: overwrites[op] };
    return op === 'ADD_N' ? { reusesAny: false, operands: inputs.map((_, slot) => slot) } : undefined;
  }

  #tooMany(what: string): never {
    return this.#fail(`runs more than ${what}`, what);
  }

  #fail(sentence: string, culprit: string): never {
    throw new PlannerError('BAD_TFLITE', {
      message: `${named(this.#model.name)}: ${sentence}.`,
      culprit,
      value: sentence,
      limit: 'a model whose operators run in order',
      remedy: 'Convert the model again.',
    });
  }
}

function rowOf(name: string): Operation {
  return findTfliteOperation(name)!;
}
