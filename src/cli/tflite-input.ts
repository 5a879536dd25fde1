/**
 * A TFLite file as an input of the command line: its graph, and how its runtime plans.
 */
import type { Graph } from '../graph/graph.js';
import { measureGraph } from '../plan/measure.js';
import type { Plan } from '../plan/plan.js';
import { executorchGreedy } from '../solver/peers/executorch.js';
import { tfliteGreedy } from '../solver/peers/tflite.js';
import { tfliteMicroGreedy } from '../solver/peers/tflite-micro.js';
import type { Allocator } from '../solver/allocator.js';
import { TFLITE_CONVENTIONS, type TfliteConventionName } from '../tflite/conventions.js';
import { inFileOrder } from '../tflite/file-order.js';
import { graphFromTflite } from '../tflite/graph-from-tflite.js';
import type { TfliteModel } from '../tflite/model.js';
import { writeOfflinePlan } from '../tflite/offline-plan.js';
import { readTflite } from '../tflite/read-tflite.js';
import type { RuntimePlan, WeightsOfType } from '../report/measured-file.js';
import type { Flags } from './flags.js';

/** What a file of a model says besides its graph. */
export interface ModelGraph {
  readonly graph: Graph;
  /** The convention of its runtime. */
  readonly convention: TfliteConventionName;
  /** How its runtime plans, where flags say nothing else. */
  readonly defaults: Pick<Flags, 'alignment' | 'runtime'>;
  /** The type with the most bytes first. */
  readonly weights: readonly WeightsOfType[];
  /** The file's bytes with a plan of the graph in them, which its runtime follows. */
  readonly embed: (plan: Plan) => Uint8Array;
  /** What the planners of its runtimes need. */
  readonly runtimes: () => readonly RuntimePlan[];
}

/** Each runtime with its planner, in the order in which they are printed. */
const PLANNERS: Readonly<Record<TfliteConventionName, { readonly title: string; readonly planner: Allocator }>> = {
  'tflite-micro': { title: 'TFLite Micro', planner: tfliteMicroGreedy },
  tflite: { title: 'TFLite', planner: tfliteGreedy },
  executorch: { title: 'ExecuTorch', planner: executorchGreedy },
};

/** @throws PlannerError */
export async function readTfliteInput(file: string, { convention = 'tflite-micro' }: Flags): Promise<ModelGraph> {
  const model = await readTflite(file);
  const { alignment } = TFLITE_CONVENTIONS[convention];
  return {
    graph: graphFromTflite(model, { convention }),
    convention,
    defaults: { alignment, runtime: 'none' },
    weights: model.weights.map(({ type, bytes }) => ({ type, bytes })),
    embed: writeOfflinePlan,
    runtimes: () => [runtimePlan(model, convention)],
  };
}

/** What the runtime itself would need, without any sharing of bytes by an operand and its result. */
function runtimePlan(model: TfliteModel, name: TfliteConventionName): RuntimePlan {
  const { title, planner } = PLANNERS[name];
  const convention = {
    ...TFLITE_CONVENTIONS[name],
    views: name === 'tflite-micro' ? [] : TFLITE_CONVENTIONS[name].views,
  };
  const graph = graphFromTflite(model, { convention });
  const allocator = inFileOrder(graph, planner);
  const { bufferSize } = measureGraph(graph, {
    allocator,
    alignment: convention.alignment,
    reuse: 'off',
    runtime: 'none',
  });
  return { runtime: title, bufferSize };
}
