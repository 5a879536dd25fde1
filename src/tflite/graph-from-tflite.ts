/**
 * From a TFLite model to the graph that a runtime plans.
 */
import { checkArgument, checkOptions, named, nearestName, PlannerError, shown, type OptionNames } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import type { Tensor } from '../tensor/tensor.js';
import { resolveConvention, type TfliteConvention, type TfliteConventionName } from './conventions.js';
import { GraphBuilder } from './graph-builder.js';
import type { TfliteModel, TfliteSubgraph, TfliteTensorPlace } from './model.js';

/** Settings of {@link graphFromTflite}. Shapes are in TFLite's order, outermost dimension first. */
export interface TfliteGraphOptions {
  /** Which subgraph. Default 0, the model itself. */
  readonly subgraph?: number;
  /** The shapes of inputs, by name. Default: those of the file. */
  readonly inputs?: Readonly<Record<string, readonly number[]>>;
  /**
   * Single dimensions of inputs, by `name.axis`, such as `{ 'input_1.0': 8 }` for a batch of 8; the name may be left out
   * where the model has one input: `{ '0': 8 }`. Default: the file's.
   */
  readonly dims?: Readonly<Record<string, number>>;
  /** The largest shapes of tensors whose shapes depend on values, by name. Default: those of the file. */
  readonly bounds?: Readonly<Record<string, readonly number[]>>;
  /**
   * Which operands the result of a custom operation may overwrite, as slots, by the name of the operation. Default: none.
   */
  readonly overwrites?: Readonly<Record<string, readonly number[]>>;
  /** How the runtime uses memory: a name, or your own. Default `tflite-micro`. */
  readonly convention?: TfliteConventionName | TfliteConvention;
}

const OPTIONS: OptionNames<TfliteGraphOptions> = {
  subgraph: true,
  inputs: true,
  dims: true,
  bounds: true,
  overwrites: true,
  convention: true,
};

/** The model that a graph was made of, and where its file has each tensor; nodes that the file does not have are missing. */
export interface GraphSource {
  readonly model: TfliteModel;
  readonly places: ReadonlyMap<Tensor, TfliteTensorPlace>;
}

const sourceOfGraph = new WeakMap<Graph, GraphSource>();

/**
 * The graph of a model: activations are planned, weights and variables have their bytes elsewhere. Nodes run in the
 * file's order. O(operators + tensors), the subgraphs of `IF` and `WHILE` counted each time that they are run.
 *
 * @throws PlannerError `BAD_ARGUMENT` for options; `BAD_OPERAND` if an operation does not take such shapes; `UNKNOWN_SHAPE`
 * for a result whose shape only a run would tell; `BAD_TFLITE` if the file is at odds with itself; `BYTES_TOO_LARGE`
 * @example
 * ```ts
 * import { measureGraph } from 'tensor-arena';
 * import { graphFromTflite, readTflite } from 'tensor-arena/tflite';
 * const graph = graphFromTflite(await readTflite('examples/audio-preprocessor.tflite'));
 * console.log(measureGraph(graph, { alignment: 16, runtime: 'none' }).bufferSize);
 * ```
 */
export function graphFromTflite(model: TfliteModel, options: TfliteGraphOptions = {}): Graph {
  checkModel(model);
  checkOptions(options, OPTIONS);
  const { subgraph = 0, bounds = {}, overwrites = {}, convention = 'tflite-micro' } = options;
  const last = model.subgraphs.length - 1;
  const isIndex = Number.isInteger(subgraph) && subgraph >= 0 && subgraph <= last;
  checkArgument(isIndex, 'subgraph', subgraph, `an integer from 0 to ${last}`, 'Leave it out for the model itself.');
  checkShapes(bounds, 'bounds');
  checkLists(overwrites, 'overwrites');
  const inputs = inputShapes(model, model.subgraphs[subgraph], options);
  const builder = new GraphBuilder(model, { convention: resolveConvention(convention), bounds, overwrites });
  const graph = builder.build(subgraph, inputs);
  sourceOfGraph.set(graph, { model, places: builder.places });
  return graph;
}

/** What a graph was made of. O(1). @throws PlannerError `BAD_ARGUMENT` for a graph that `graphFromTflite` did not make */
export function sourceOf(graph: Graph): GraphSource {
  const source = sourceOfGraph.get(graph);
  checkArgument(
    source !== undefined,
    'graph',
    graph,
    'one that graphFromTflite made',
    'Make it so, and plan it as it is.',
  );
  return source;
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkModel(model: unknown): asserts model is TfliteModel {
  const { subgraphs, metadata, bufferBytes } = (model ?? {}) as Partial<TfliteModel>;
  const isModel = Array.isArray(subgraphs) && Array.isArray(metadata) && typeof bufferBytes === 'function';
  checkArgument(isModel, 'model', model, 'a TfliteModel', 'Read one with readTflite.');
}

/** The shapes of the inputs that differ from the file, by tensor. */
function inputShapes(
  model: TfliteModel,
  { inputs, tensors }: TfliteSubgraph,
  { inputs: whole = {}, dims = {} }: TfliteGraphOptions,
): ReadonlyMap<number, readonly number[]> {
  checkShapes(whole, 'inputs');
  const ids = inputs.filter((id) => id >= 0);
  const names = ids.map((id) => tensors[id].name);
  const idOf = (name: string, option: string): number => {
    const found = ids.find((id) => tensors[id].name === name);
    return found ?? unknownInput(model, name, option, names);
  };
  const shapes = new Map<number, readonly number[]>();
  for (const [name, shape] of Object.entries(whole)) shapes.set(idOf(name, 'inputs'), shape);
  checkArgument(isRecord(dims), 'dims', dims, 'an object of numbers by name', 'Give { "input.0": 8 }.');
  for (const [dim, length] of Object.entries(dims)) {
    const [, name = '', digits = ''] = /^(?:(.*)\.)?(\d+)$/s.exec(dim) ?? [];
    const isOnly = name === '' && digits !== '' && ids.length === 1;
    const id = isOnly ? ids[0] : idOf(digits === '' ? dim : name, 'dims');
    const shape = shapes.get(id) ?? tensors[id].shape;
    const axis = Number(digits);
    const isAxis = digits !== '' && axis < shape.length;
    const limit = `the name of an input and one of its ${shape.length} dimensions, such as ${names[0]}.0`;
    checkArgument(isAxis, 'dims', dim, limit, 'Count dimensions from 0, outermost first.');
    checkLength(length, `dims ${named(dim)}`);
    shapes.set(
      id,
      shape.map((old, at) => (at === axis ? length : old)),
    );
  }
  return shapes;
}

function unknownInput(model: TfliteModel, name: string, option: string, names: readonly string[]): never {
  const nearest = names.length === 0 ? null : nearestName(name, names);
  throw new PlannerError('BAD_ARGUMENT', {
    message: `${named(model.name)} has no input ${shown(name)}${nearest === null ? '' : `, but ${shown(nearest)}`}.`,
    culprit: option,
    value: name,
    limit: `one of ${names.join(', ')}`,
    remedy: names.length === 0 ? 'The model has no inputs.' : `The inputs are ${shown(names)}.`,
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkShapes(shapes: unknown, option: string): void {
  checkLists(shapes, option);
  for (const [name, shape] of Object.entries(shapes as object)) {
    for (const length of shape as number[]) checkLength(length, `${option}: ${name}`);
  }
}

function checkLists(lists: unknown, option: string): void {
  const areLists = isRecord(lists) && Object.values(lists).every((list) => Array.isArray(list));
  checkArgument(areLists, option, lists, 'an object of lists by name', 'Leave it out, or give { name: [1, 2] }.');
}

function checkLength(length: unknown, culprit: string): void {
  const isLength = Number.isSafeInteger(length) && (length as number) >= 0;
  checkArgument(isLength, culprit, length, 'whole numbers of at least 0', 'Correct it.');
}
