/**
 * The file of a model that is read as a graph, as an input of the command line: what it says besides its graph, and its
 * graphs for the shapes that flags give.
 */
import type { Graph } from '../graph/graph.js';
import type { Plan } from '../plan/plan.js';
import type { Box, Dims } from '../planner/box.js';
import type { RuntimePlan, WeightsOfType } from '../report/measured-file.js';
import type { TfliteConventionName } from '../tflite/conventions.js';
import type { Flags } from './flags.js';
import type { ShapeFlags, ShapeRecord } from './shape-flags.js';

/** What a file of a model says. */
export interface ModelGraph {
  /** That of the greatest lengths. */
  readonly graph: Graph;
  /** How its runtime plans, where flags say nothing else. */
  readonly defaults: Pick<Flags, 'alignment' | 'runtime'>;
  /** The type with the most bytes first. */
  readonly weights: readonly WeightsOfType[];
  /** What decided the shapes. */
  readonly shapes: ShapeRecord;
  /** Where lengths are ranges. */
  readonly family?: GraphFamily;
  /** The convention of its runtime, if its format has several. */
  readonly convention?: TfliteConventionName;
  /** The file's bytes with a plan of the graph in them, if its runtime follows one. */
  readonly embed?: (plan: Plan) => Uint8Array;
  /** What the planners of its runtimes need, if they are known. */
  readonly runtimes?: () => readonly RuntimePlan[];
}

/** The graphs of a box of lengths. */
export interface GraphFamily {
  readonly box: Box<string>;
  readonly build: (dims: Dims<string>) => Graph;
}

/**
 * The graphs of a model for the shapes that flags give.
 *
 * @param record shapes that a plan was made for, where flags say nothing else
 */
export function graphsOf(
  { dims = [], inputs = [], bounds = [] }: ShapeFlags,
  record: ShapeRecord,
  build: (shapes: ShapeRecord) => Graph,
): Pick<ModelGraph, 'graph' | 'shapes' | 'family'> {
  const given = {
    dims: { ...record.dims, ...Object.fromEntries(dims.map(([name, [, most]]) => [name, most])) },
    inputs: { ...record.inputs, ...Object.fromEntries(inputs) },
    bounds: { ...record.bounds, ...Object.fromEntries(bounds) },
  };
  const shapes: ShapeRecord = Object.fromEntries(
    Object.entries(given).filter(([, each]) => Object.keys(each).length > 0),
  );
  const graph = build(shapes);
  const ranges = dims.filter(([, [least, most]]) => least < most);
  if (ranges.length === 0) return { graph, shapes };
  const buildFor = (lengths: Dims<string>): Graph => build({ ...shapes, dims: { ...shapes.dims, ...lengths } });
  return { graph, shapes, family: { box: Object.fromEntries(ranges), build: buildFor } };
}
