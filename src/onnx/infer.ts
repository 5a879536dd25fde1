/**
 * Walks the nodes of a model in order, and infers type and shape of each result.
 *
 * Invariant: a bounded number of nodes is visited, whatever functions and bodies the file nests. Either every value has a
 * type and a shape, or an error names the node and says why not.
 */
import { named, PlannerError } from '../errors.js';
import { Call, NeedsValues, type Known, type Outcome } from '../dialects/onnx/call.js';
import {
  labelOf,
  operationName,
  shapeText,
  type OnnxAttribute,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from '../dialects/onnx/model.js';
import { findOnnxOperation } from '../dialects/onnx/operations.js';
import { knownOf } from '../dialects/onnx/rules/makers.js';
import { findRule, typesOf } from '../dialects/onnx/rules/rules.js';
import { unknownOperation, type Operation } from '../tensor/operation.js';
import { CONTROL_FLOW } from './bodies.js';
import { declaredOutcomes } from './declared.js';
import { checkModel, inputShapes, lengthsOf } from './input-shapes.js';
import { LIST_OPERATIONS } from './lists.js';
import type { ResolvedOnnxOptions } from './options.js';
import type { OnnxModel } from './read-onnx.js';
import { badNode, type Infers, type Surroundings } from './surroundings.js';
import { Scope, type Body, type Step, type Value } from './values.js';

/** Nodes that are visited at most; functions that call functions could ask for any number. */
const MAX_VISITS = 2_000_000;
/** Functions and bodies within each other. */
const MAX_DEPTH = 32;
/** Versions of ONNX's own operations whose rules are known. */
const OPSETS: readonly [number, number] = [7, 24];

/** What was inferred of a model. */
export interface Inferred {
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly steps: readonly Step[];
}

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL`, `UNKNOWN_OPERATION`, `UNKNOWN_SHAPE`, `BYTES_TOO_LARGE` */
export function infer(model: OnnxModel, options: ResolvedOnnxOptions): Inferred {
  checkModel(model);
  return new Inference(model, options).run();
}

class Inference implements Infers {
  readonly options: ResolvedOnnxOptions;
  readonly #model: OnnxModel;
  readonly #functions: ReadonlyMap<string, OnnxFunction>;
  readonly #unknown = new Map<string, Operation>();
  #dims: ReadonlyMap<string, number> = new Map();
  #visits = 0;

  constructor(model: OnnxModel, options: ResolvedOnnxOptions) {
    this.#model = model;
    this.options = options;
    this.#functions = new Map(model.functions.map((each) => [operationName(each.domain, each.op), each]));
  }

  run(): Inferred {
    const { graph, opsets, name } = this.#model;
    checkOpset(opsets, name);
    const list = this.#model.inputs.find(({ type }) => type === null);
    if (list !== undefined) throw noTensor(list.name);
    const { dims, shapes } = inputShapes(this.#model, this.options);
    this.#dims = dims;
    const scope = new Scope();
    const steps: Step[] = [];
    const inputs = this.#model.inputs.map((input) => {
      const value = given(input.name, { type: input.type!, shape: shapes.get(input.name)!, data: null });
      scope.define(input.name, value);
      return value;
    });
    const outputs = this.graph(graph, { scope, steps, opsets, graph, depth: 0 });
    return { inputs, outputs, steps };
  }

  /** Infers the nodes of a graph whose inputs are in scope, and returns its outputs. */
  graph(graph: OnnxGraph, around: Surroundings): readonly Value[] {
    for (const tensor of graph.initializers) around.scope.define(tensor.name, constant(tensor));
    for (const node of graph.nodes) this.#visit(node, around);
    return graph.outputs.map(({ name }) => around.scope.need(name, `The graph ${named(graph.name || 'of the model')}`));
  }

  /** Infers a graph within a node. @param inputs what each run of it is given, in its order */
  body(graph: OnnxGraph, inputs: readonly Known[], around: Surroundings, label: string): Body {
    const scope = new Scope(around.scope);
    const steps: Step[] = [];
    const values = inputs.map((known, index) => given(graph.inputs[index]?.name ?? '', known));
    if (graph.inputs.length !== values.length) {
      throw badNode(label, `has a body of ${graph.inputs.length} inputs`, `${values.length} of them`);
    }
    for (const value of values) scope.define(value.name, value);
    const outputs = this.graph(graph, { ...around, scope, steps, graph, depth: deeper(around, label) });
    return { inputs: values, outputs, steps, captured: scope.captured };
  }

  #visit(node: OnnxNode, around: Surroundings): void {
    if (++this.#visits > MAX_VISITS) throw badNode(labelOf(node), 'is one of too many', `at most ${MAX_VISITS} nodes`);
    const full = operationName(node.domain, node.op);
    const { scope } = around;
    const reader = `The node ${labelOf(node)}`;
    const inputs = node.inputs.map((name) => (name === '' ? null : scope.need(name, reader)));
    const body = this.#functions.get(full);
    if (body !== undefined) return this.#inline(node, body, inputs, around);
    const control = CONTROL_FLOW[full];
    if (control !== undefined) return control(this, node, inputs, around);
    const list = LIST_OPERATIONS[full];
    if (list !== undefined && list(this, node, inputs, around)) return;
    const items = inputs.flatMap((input): readonly (Value | null)[] => input?.items ?? [input]);
    const operation = findOnnxOperation(full) ?? this.#unknownOf(full);
    const call = new Call(
      node,
      around.opsets[node.domain] ?? 1,
      items.map((input) => input?.known ?? null),
      operation.operands,
    );
    this.finish(node, operation, items, this.#outcomes(full, call), [], around);
  }

  /** Gives the results of a node their shapes, and adds it to the steps. */
  finish(
    node: OnnxNode,
    operation: Operation,
    inputs: readonly (Value | null)[],
    outcomes: readonly Outcome[],
    bodies: readonly Body[],
    around: Surroundings,
  ): void {
    const isConstant = operation.isPure && bodies.length === 0 && inputs.every((input) => input?.isConstant ?? true);
    const outputs = node.outputs.map((name, index) => {
      if (name === '') return null;
      const outcome = outcomes[index];
      if (outcome === undefined) {
        const limit = `at most ${outcomes.length} results`;
        throw badNode(labelOf(node), `has ${node.outputs.length} results`, limit);
      }
      const known = this.known(node, name, outcome, around);
      const value: Value = { name, known, isConstant, items: null };
      around.scope.define(name, value);
      return value;
    });
    const captured = new Set(bodies.flatMap((body) => [...body.captured]));
    for (const input of inputs) if (input !== null) captured.delete(input);
    around.steps.push({ node, operation, isConstant, inputs: [...inputs, ...captured], outputs, bodies });
  }

  /** A result whose shape is known, or bounded by what the caller or the file says. @throws PlannerError `UNKNOWN_SHAPE` */
  known(node: OnnxNode, name: string, { type, shape, data = null, most }: Outcome, around: Surroundings): Known {
    if (shape !== null) return { type, shape, data };
    const { bounds } = this.options;
    if (Object.hasOwn(bounds, name)) return { type, shape: bounds[name], data: null };
    const dims = around.graph?.values.get(name)?.dims ?? null;
    const stated = dims === null ? null : lengthsOf(dims, this.#dims);
    if (stated !== null) return { type, shape: stated, data: null };
    const remedy = `Give the largest that it can be: bounds: { ${JSON.stringify(name)}: ${shapeText(most ?? [1])} }`;
    throw new PlannerError('UNKNOWN_SHAPE', {
      message: `The shape of ${named(name)}, a result of the node ${labelOf(node)}, depends on values that only a run tells.`,
      culprit: name,
      value: 'only known in a run',
      limit: most === undefined ? 'a bound' : `a bound of at most ${shapeText(most)}`,
      remedy: most === undefined ? `${remedy}, with your lengths.` : `${remedy} always holds.`,
    });
  }

  #outcomes(full: string, call: Call): readonly Outcome[] {
    const declare = Object.hasOwn(this.options.operations, full) ? this.options.operations[full] : undefined;
    if (declare !== undefined) return declaredOutcomes(declare, call, full);
    const rule = findRule(full);
    if (rule === undefined) throw unknown(call.node, full, this.options);
    try {
      return rule(call);
    } catch (error) {
      if (!(error instanceof NeedsValues)) throw error;
      return typesOf(full, call).map((type) => ({ type, shape: null }));
    }
  }

  /** One row for each operation that the caller declares, so that all of its nodes have the same. */
  #unknownOf(full: string): Operation {
    const operation = this.#unknown.get(full) ?? unknownOperation(full);
    this.#unknown.set(full, operation);
    return operation;
  }

  /** The nodes of a function in place of a node that calls it. */
  #inline(node: OnnxNode, body: OnnxFunction, inputs: readonly (Value | null)[], around: Surroundings): void {
    const label = labelOf(node);
    const scope = new Scope();
    body.inputs.forEach((name, index) => {
      const input = inputs[index] ?? null;
      if (input !== null) scope.define(name, input);
    });
    const settings = { ...body.attributes, ...node.attributes };
    const inner = { ...around, scope, graph: null, opsets: body.opsets, depth: deeper(around, label) };
    for (const each of body.nodes) {
      const present = each.inputs.map((name) =>
        body.inputs.includes(name) && scope.find(name) === undefined ? '' : name,
      );
      const name = `${node.name}/${each.name}`;
      this.#visit({ ...each, name, inputs: present, attributes: resolvedAttributes(each.attributes, settings) }, inner);
    }
    node.outputs.forEach((name, index) => {
      if (name !== '') around.scope.define(name, scope.need(body.outputs[index] ?? '', `The node ${label}`));
    });
  }
}

/** The settings of a function's node, those of its caller in the place of references. */
function resolvedAttributes(
  attributes: OnnxNode['attributes'],
  settings: OnnxNode['attributes'],
): Record<string, OnnxAttribute> {
  const entries = Object.entries(attributes).flatMap(([name, value]) => {
    if (typeof value !== 'object' || value === null || !('refersTo' in value)) return [[name, value] as const];
    const referred = settings[value.refersTo];
    return referred === undefined ? [] : [[name, referred] as const];
  });
  return Object.fromEntries(entries);
}

export function constant(tensor: OnnxTensor): Value {
  return { name: tensor.name, known: knownOf(tensor), isConstant: true, items: null };
}

function given(name: string, known: Known): Value {
  return { name, known, isConstant: false, items: null };
}

function deeper({ depth }: Surroundings, label: string): number {
  if (depth < MAX_DEPTH) return depth + 1;
  throw badNode(label, 'lies too deep in functions and bodies', `at most ${MAX_DEPTH} within each other`);
}

function checkOpset(opsets: OnnxModel['opsets'], name: string): void {
  const version = opsets[''] as number | undefined;
  const [least, most] = OPSETS;
  if (version !== undefined && version >= least && version <= most) return;
  const found = version === undefined ? 'no version of ONNX’s operations' : `version ${version} of ONNX’s operations`;
  const limit = `version ${least} to ${most}`;
  throw new PlannerError('BAD_MODEL', {
    message: `${named(name)} is written for ${found}, but ${limit} are known.`,
    culprit: name,
    value: found,
    limit,
    remedy: 'Convert it with the version converter of ONNX, or export the model again.',
  });
}

function noTensor(name: string): PlannerError {
  return new PlannerError('BAD_MODEL', {
    message: `The input ${named(name)} is a list, a map or of an unknown type, and cannot be planned.`,
    culprit: name,
    value: 'no tensor',
    limit: 'a tensor',
    remedy: 'Export the model with tensors as inputs.',
  });
}

function unknown(node: OnnxNode, full: string, { operations }: ResolvedOnnxOptions): PlannerError {
  const label = labelOf(node);
  const declared = Object.keys(operations);
  return new PlannerError('UNKNOWN_OPERATION', {
    message: `The node ${label} computes ${named(full)}, an operation that the library does not know.`,
    culprit: label,
    value: full,
    limit: declared.length === 0 ? 'an operation of ONNX or a declared one' : `a declared one: ${declared.join(', ')}`,
    remedy: `Declare it: operations: { ${JSON.stringify(full)}: ({ inputs }) => [inputs[0]] }, with your results.`,
  });
}
