/**
 * The shapes of a model's inputs: lengths of the file, of named dimensions, and of whole inputs.
 *
 * Invariant: a named dimension has one length in all inputs.
 */
import { checkArgument, named, PlannerError } from '../errors.js';
import { shapeText, type OnnxDim, type OnnxValue } from '../dialects/onnx/model.js';
import { unknownName, type ResolvedOnnxOptions } from './options.js';
import type { OnnxModel } from './read-onnx.js';

/** Lengths of named dimensions, and the shape of each input. */
export interface InputShapes {
  readonly dims: ReadonlyMap<string, number>;
  /** Outermost dimension first, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** @throws PlannerError `BAD_ARGUMENT` unless `readOnnx` may have made it */
export function checkModel(model: OnnxModel): void {
  const { inputs, functions, graph, opsets } = (model as Partial<OnnxModel> | null | undefined) ?? {};
  const areLists = [inputs, functions, graph?.nodes].every((list) => Array.isArray(list));
  const isModel = areLists && typeof opsets === 'object';
  checkArgument(isModel, 'model', model, 'an OnnxModel', 'Read it with readOnnx, and await that.');
}

/** Names of the dimensions that the inputs leave open, in their order. @throws PlannerError `BAD_ARGUMENT` */
export function openDims(model: OnnxModel): string[] {
  checkModel(model);
  const { inputs } = model;
  const dims = inputs.flatMap((input) => input.dims ?? []);
  return [...new Set(dims.filter((dim): dim is string => typeof dim === 'string'))];
}

/** @throws PlannerError `BAD_ARGUMENT`, `UNKNOWN_SHAPE` */
export function inputShapes(model: OnnxModel, options: ResolvedOnnxOptions): InputShapes {
  const { inputs } = model;
  const dims = new Map(Object.entries(options.dims));
  const inFile = allDims(model);
  for (const name of dims.keys()) if (!inFile.has(name)) throw unknownName('dimension', name, [...inFile]);
  const names = inputs.map(({ name }) => name);
  for (const name of Object.keys(options.inputs)) if (!names.includes(name)) throw unknownName('input', name, names);
  for (const input of inputs) {
    if (Object.hasOwn(options.inputs, input.name)) bind(input, options.inputs[input.name], dims);
  }
  const shapes = inputs.map((input) => {
    const given = Object.hasOwn(options.inputs, input.name) ? options.inputs[input.name] : undefined;
    return [input.name, given ?? resolved(input, dims)] as const;
  });
  return { dims, shapes: new Map(shapes) };
}

/** Names of dimensions anywhere in the graph: those of its results may be given as well. */
function allDims({ graph }: OnnxModel): Set<string> {
  const values = [...graph.inputs, ...graph.values.values()];
  return new Set(values.flatMap(({ dims }) => dims ?? []).filter((dim): dim is string => typeof dim === 'string'));
}

/** Takes over the lengths that a whole input gives to named dimensions. */
function bind({ name, dims }: OnnxValue, shape: readonly number[], lengths: Map<string, number>): void {
  if (dims === null) return;
  const limit = `a shape that fits ${shapeText(dims)}`;
  const wrong = (): PlannerError =>
    new PlannerError('BAD_ARGUMENT', {
      message: `The input ${named(name)} is given the shape ${shapeText(shape)}, but needs ${limit}.`,
      culprit: `inputs.${name}`,
      value: shapeText(shape),
      limit,
      remedy: 'Give one length per dimension, outermost first; names have one length in all inputs.',
    });
  if (dims.length !== shape.length) throw wrong();
  dims.forEach((dim, axis) => {
    const known = typeof dim === 'string' ? lengths.get(dim) : dim;
    if (known !== null && known !== undefined && known !== shape[axis]) throw wrong();
    if (typeof dim === 'string') lengths.set(dim, shape[axis]);
  });
}

/** Lengths in place of names; null where some are missing. */
export function lengthsOf(dims: readonly OnnxDim[], lengths: ReadonlyMap<string, number>): number[] | null {
  const shape = dims.map((dim) => (typeof dim === 'string' ? lengths.get(dim) : dim));
  return shape.every((dim): dim is number => typeof dim === 'number') ? shape : null;
}

function resolved({ name, dims }: OnnxValue, lengths: ReadonlyMap<string, number>): readonly number[] {
  const shape = dims === null ? null : lengthsOf(dims, lengths);
  if (shape !== null) return shape;
  const open = (dims ?? []).filter((dim): dim is string => typeof dim === 'string' && !lengths.has(dim));
  const isNamed = dims !== null && open.length > 0 && !dims.includes(null);
  const found = dims === null ? 'any number of dimensions' : `the shape ${shapeText(dims)}`;
  const limit = isNamed ? `a length for ${[...new Set(open)].join(', ')}` : 'its whole shape';
  throw new PlannerError('UNKNOWN_SHAPE', {
    message: `The input ${named(name)} has ${found}, and needs ${limit}.`,
    culprit: name,
    value: found,
    limit,
    remedy: isNamed
      ? `Give dims: { ${JSON.stringify(open[0])}: 1 }, with your length.`
      : `Give inputs: { ${JSON.stringify(name)}: [${(dims ?? []).map((dim) => (typeof dim === 'number' ? dim : 1)).join(', ')}] }, with your lengths.`,
  });
}
