/**
 * A TFLite file as an input of the command line, and what the planner of its runtime takes.
 */
import type { Graph } from '../graph/graph.js';
import { measureGraph } from '../plan/measure.js';
import { executorchGreedy } from '../solver/peers/executorch.js';
import { tfliteGreedy } from '../solver/peers/tflite.js';
import { tfliteMicroGreedy } from '../solver/peers/tflite-micro.js';
import type { Allocator } from '../solver/allocator.js';
import { TFLITE_CONVENTIONS, type TfliteConvention, type TfliteConventionName } from '../tflite/conventions.js';
import { inFileOrder } from '../tflite/file-order.js';
import { graphFromTflite, type TfliteGraphOptions } from '../tflite/graph-from-tflite.js';
import { writeOfflinePlan } from '../tflite/offline-plan.js';
import { readTflite } from '../tflite/read-tflite.js';
import type { RuntimePlan } from '../report/measured-file.js';
import type { Flags } from './flags.js';
import { isConvention } from './graph-flags.js';
import { graphsOf, type ModelGraph } from './model-graph.js';
import type { RecordedOptions } from './plan-record.js';
import type { ShapeRecord } from './shape-flags.js';

/** Each runtime with its planner, in the order in which they are printed. */
const PLANNERS: Readonly<Record<TfliteConventionName, { readonly title: string; readonly planner: Allocator }>> = {
  'tflite-micro': { title: 'TFLite Micro', planner: tfliteMicroGreedy },
  tflite: { title: 'TFLite', planner: tfliteGreedy },
  executorch: { title: 'ExecuTorch', planner: executorchGreedy },
};

/** @throws PlannerError */
export async function readTfliteInput(
  file: string,
  flags: Flags,
  record: Pick<RecordedOptions, 'convention'> & ShapeRecord = {},
): Promise<ModelGraph> {
  const model = await readTflite(file);
  const recorded = isConvention(record.convention) ? record.convention : 'tflite-micro';
  const { convention = recorded } = flags;
  const build = ({ bounds, ...shapes }: ShapeRecord, rules: TfliteGraphOptions['convention']): Graph =>
    graphFromTflite(model, { ...shapes, shapes: bounds, convention: rules });
  const graphs = graphsOf(flags, record, (shapes) => build(shapes, convention));
  return {
    ...graphs,
    convention,
    defaults: { alignment: TFLITE_CONVENTIONS[convention].alignment, runtime: 'none' },
    weights: model.weights.map(({ type, bytes }) => ({ type, bytes })),
    embed: writeOfflinePlan,
    runtimes: () => [runtimePlan(convention, (rules) => build(graphs.shapes, rules))],
  };
}

/** What the runtime itself would need, without any sharing of bytes by an operand and its result. */
function runtimePlan(name: TfliteConventionName, build: (convention: TfliteConvention) => Graph): RuntimePlan {
  const { title, planner } = PLANNERS[name];
  const convention = {
    ...TFLITE_CONVENTIONS[name],
    views: name === 'tflite-micro' ? [] : TFLITE_CONVENTIONS[name].views,
  };
  const graph = build(convention);
  const allocator = inFileOrder(graph, planner);
  const { bufferSize } = measureGraph(graph, {
    allocator,
    alignment: convention.alignment,
    reuse: 'off',
    runtime: 'none',
  });
  return { runtime: title, bufferSize };
}
