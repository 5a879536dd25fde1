/**
 * The memory that a model needs, as llama.cpp would report it: weights, context and compute buffer.
 *
 * Invariant: nothing is estimated. The compute buffer is planned for the same graph that llama.cpp builds, with
 * llama.cpp's allocator unless the caller names another. Conforms to llama.cpp release b10573 (commit d775b8967), CPU
 * backend.
 */
import type { Graph } from '../graph/graph.js';
import { measureGraph, place, type Measurement } from '../plan/measure.js';
import { resolveOptions as resolvePlanOptions, type PlanOptions } from '../plan/options.js';
import { Plan } from '../plan/plan.js';
import type { ModelSizes } from './configuration.js';
import { LLAMA_CPP_BUILD, LLAMA_CPP_COMMIT, LLAMA_CPP_PLAN, MODEL_PLANS } from './llama-cpp.js';
import { openModel, type ModelSource } from './model-graph.js';
import { measureOnDevices, type MachineMeasurement, type MachineOptions } from './measure-on-devices.js';
import { checkPhase, type ModelOptions, type Phase, type ResolvedModelOptions } from './options.js';

/** The memory that a model needs, and the graph behind it. */
export interface ModelMeasurement extends ModelSizes {
  readonly architecture: string;
  /**
   * Bytes of the compute buffer if the allocator `auto` placed the same graph, with every reuse that is provably right;
   * worked out on first use.
   */
  readonly computeWithAuto: number;
  /** The options as they were applied, after limits and rounding. */
  readonly run: ResolvedModelOptions;
  readonly phase: Phase;
  /** llama.cpp's graph for the phase. */
  readonly graph: Graph;
  /** The compute buffer of that graph. */
  readonly measurement: Measurement;
  /** Where every tensor of that graph goes; made on first use. */
  readonly plan: Plan;
  readonly llamaCppBuild: number;
  /** The commit of that build, abbreviated. */
  readonly llamaCppCommit: string;
}

/**
 * Measures a model on a machine of several devices: what llama.cpp would put where, as llama.cpp plans it.
 *
 * @throws PlannerError as without devices; `BAD_ARGUMENT` for options that llama.cpp refuses together
 *
 * @example
 * ```ts
 * import { cpuDevice, cudaDevice } from 'tensor-arena/device';
 * import { measureModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const gpu = cudaDevice({ totalBytes: 8 * 2 ** 30 });
 * const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
 * const { devices } = measureModel(gguf, { devices: [gpu, cpuDevice()], gpuLayers: 20, ctxSize: 4096 });
 * for (const { name, weights, context, compute } of devices) console.log(name, weights, context, compute);
 * ```
 */
export function measureModel(gguf: ModelSource, options: MachineOptions): MachineMeasurement;
/**
 * Measures a model without running or loading it. O(nodes of its graph), a few milliseconds.
 *
 * @param planOptions how the compute buffer is planned. Default: as llama.cpp plans it
 * @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL` naming key or tensor, `BAD_ARGUMENT` naming the option
 *
 * @example
 * ```ts
 * import { measureModel } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const { weights, context, compute } = measureModel(await readGguf('examples/phi-3-mini-4k.gguf'), { ctxSize: 4096 });
 * console.log(weights, context, compute);
 * ```
 */
export function measureModel(gguf: ModelSource, options?: ModelOptions, planOptions?: PlanOptions): ModelMeasurement;
export function measureModel(
  gguf: ModelSource,
  options: ModelOptions | MachineOptions = {},
  planOptions: PlanOptions = LLAMA_CPP_PLAN,
): ModelMeasurement | MachineMeasurement {
  return hasDevices(options) ? measureOnDevices(gguf, options) : measureOnCpu(gguf, options, planOptions);
}

/** Options may be anything at run time: those of no machine are checked where they are read. */
function hasDevices(options: ModelOptions | MachineOptions): options is MachineOptions {
  return (options as Partial<MachineOptions> | null)?.devices !== undefined;
}

function measureOnCpu(gguf: ModelSource, options: ModelOptions, planOptions: PlanOptions): ModelMeasurement {
  const model = openModel(gguf, options);
  const resolved = resolvePlanOptions(planOptions);
  const phase = checkPhase(options.phase ?? 'pp');
  const graph = model.graph(phase);
  const outcome = place(graph, resolved);
  const { measurement } = outcome;
  const reserved = phase === 'pp' ? graph : model.graph('pp');
  const compute = reserved === graph ? measurement.bufferSize : measureGraph(reserved, planOptions).bufferSize;
  let plan: Plan | null = null;
  let computeWithAuto: number | null = null;
  return {
    architecture: model.architecture,
    isRecurrent: model.isRecurrent,
    weights: model.weightBytes,
    context: model.contextBytes,
    compute,
    total: model.weightBytes + model.contextBytes + compute,
    get computeWithAuto() {
      return (computeWithAuto ??= measureGraph(reserved, MODEL_PLANS.auto).bufferSize);
    },
    run: model.run,
    phase,
    graph,
    measurement,
    get plan() {
      return (plan ??= new Plan(graph, outcome));
    },
    llamaCppBuild: LLAMA_CPP_BUILD,
    llamaCppCommit: LLAMA_CPP_COMMIT,
  };
}
