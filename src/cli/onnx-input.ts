/**
 * An ONNX file as an input of the command line: its graph for the shapes that flags give, or the graphs of a whole box.
 */
import type { Graph } from '../graph/graph.js';
import { PlannerError } from '../errors.js';
import { graphFromOnnx } from '../onnx/graph-from-onnx.js';
import type { OnnxOptions } from '../onnx/options.js';
import { readOnnx, type OnnxModel } from '../onnx/read-onnx.js';
import type { Box, Dims } from '../planner/box.js';
import type { WeightsOfType } from '../report/measured-file.js';
import type { Flags } from './flags.js';
import type { ShapeFlags } from './shape-flags.js';
import { WeightsAlone } from './weights-alone.js';

/** Lengths and shapes by name, as a plan file records them. */
export type ShapeRecord = Pick<OnnxOptions, 'dims' | 'inputs' | 'bounds'>;

/** What an ONNX file says besides its graph. */
export interface OnnxInput {
  /** That of the greatest lengths. */
  readonly graph: Graph;
  /** How ONNX Runtime places tensors, where flags say nothing else. */
  readonly defaults: Pick<Flags, 'alignment' | 'runtime'>;
  /** The type with the most bytes first. */
  readonly weights: readonly WeightsOfType[];
  /** What decided the shapes. */
  readonly shapes: ShapeRecord;
  /** Where lengths are ranges. */
  readonly family?: OnnxFamily;
}

/** The graphs of a box of lengths. */
export interface OnnxFamily {
  readonly box: Box<string>;
  readonly build: (dims: Dims<string>) => Graph;
}

const DEFAULTS = { alignment: 64, runtime: 'none' } as const;

/** @throws PlannerError; WeightsAlone if the file can be read and its graph not be understood */
export async function readOnnxInput(file: string, flags: ShapeFlags, record: ShapeRecord = {}): Promise<OnnxInput> {
  const model = await readOnnx(file);
  const { dims = [], inputs = [], bounds = [] } = flags;
  const ranges = dims.filter(([, [least, most]]) => least < most);
  const given = {
    dims: { ...record.dims, ...Object.fromEntries(dims.map(([name, [, most]]) => [name, most])) },
    inputs: { ...record.inputs, ...Object.fromEntries(inputs) },
    bounds: { ...record.bounds, ...Object.fromEntries(bounds) },
  };
  const shapes: ShapeRecord = Object.fromEntries(
    Object.entries(given).filter(([, each]) => Object.keys(each).length > 0),
  );
  const graph = understood(model, () => graphFromOnnx(model, shapes));
  const build = (lengths: Dims<string>): Graph =>
    graphFromOnnx(model, { ...shapes, dims: { ...shapes.dims, ...lengths } });
  const weights = Object.entries(model.weights.byType).map(([type, bytes]) => ({ type, bytes }));
  const family = ranges.length === 0 ? undefined : { box: Object.fromEntries(ranges), build };
  return { graph, defaults: DEFAULTS, weights, shapes, family };
}

/** Errors of these kinds are about the file; others are about what the user has given. */
const ABOUT_FILE = ['BAD_MODEL', 'UNKNOWN_OPERATION'];

function understood<T>(model: OnnxModel, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlannerError && ABOUT_FILE.includes(error.code))
      throw new WeightsAlone(model.weights.bytes, error);
    throw error;
  }
}
