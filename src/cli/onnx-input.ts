/**
 * An ONNX file as an input of the command line.
 */
import { PlannerError } from '../errors.js';
import { graphFromOnnx } from '../onnx/graph-from-onnx.js';
import { readOnnx, type OnnxModel } from '../onnx/read-onnx.js';
import { graphsOf, type ModelGraph } from './model-graph.js';
import type { ShapeFlags, ShapeRecord } from './shape-flags.js';
import { WeightsAlone } from './weights-alone.js';

/** How ONNX Runtime places tensors. */
const DEFAULTS = { alignment: 64, runtime: 'none' } as const;

/** @throws PlannerError; WeightsAlone if the file can be read and its graph not be understood */
export async function readOnnxInput(file: string, flags: ShapeFlags, record: ShapeRecord = {}): Promise<ModelGraph> {
  const model = await readOnnx(file);
  const graphs = understood(model, () => graphsOf(flags, record, (shapes) => graphFromOnnx(model, shapes)));
  const weights = Object.entries(model.weights.byType).map(([type, bytes]) => ({ type, bytes }));
  return { ...graphs, defaults: DEFAULTS, weights };
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
