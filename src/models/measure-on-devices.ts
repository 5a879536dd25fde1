/**
 * The memory that a model takes on each device of a machine, as llama.cpp would report it.
 *
 * Invariant: nothing is estimated: the graphs are those of llama.cpp, spread over devices by its scheduler's rules and
 * planned by its allocator. Conforms to llama.cpp release b10573.
 */
import { checkOptions } from '../errors.js';
import { sumByDevice, sumsOf, type DeviceMeasurement, type MemorySums } from './device-sums.js';
import { LLAMA_CPP_BUILD, LLAMA_CPP_COMMIT } from './llama-cpp.js';
import { openModel, type ModelSource } from './model-graph.js';
import {
  computeBuffers,
  fusesAttention,
  reservedChunks,
  runPhase,
  type PhaseOnDevices,
} from './offload/compute-buffers.js';
import type { Offload } from './offload/offload.js';
import type { DeviceBuffer } from './offload/buffers.js';
import { OFFLOAD_OPTIONS, type OffloadOptions } from './offload/options.js';
import { MODEL_OPTIONS, type ModelOptions, type Phase, type ResolvedModelOptions } from './options.js';

/** Options of a model on a machine of several devices. */
export interface MachineOptions extends ModelOptions, OffloadOptions {}

/** The memory that a model needs on a machine; the sums are those of all devices. All sizes in bytes. */
export interface MachineMeasurement extends MemorySums {
  readonly architecture: string;
  /** Whether `context` is a state of constant size instead of a cache of keys and values. */
  readonly isRecurrent: boolean;
  /** In the order of llama.cpp's scheduler: the CPU, with all host memory, is the last. */
  readonly devices: readonly DeviceMeasurement[];
  /** One entry for each buffer type and purpose. */
  readonly buffers: readonly DeviceBuffer[];
  /** Runs of nodes on one device, for a batch of the prompt and for one token of each sequence. */
  readonly splits: Readonly<Record<Phase, number>>;
  /** Nodes of the same graphs. */
  readonly nodes: Readonly<Record<Phase, number>>;
  /**
   * Bytes of one checkpoint, which a server copies to host memory where the model cannot go back to an earlier token: of
   * a sliding window, or of a recurrent state. 0 for other models.
   */
  readonly checkpoint: number;
  /** Batches that may be under way at once, so that what crosses devices exists as often. */
  readonly copies: number;
  /** The device of every layer, by name; the output is the entry behind the last layer. */
  readonly layers: readonly string[];
  /** The options as they were applied; `flashAttention` is what llama.cpp found possible. */
  readonly run: ResolvedModelOptions;
  /** The graph of each phase on the devices, and its plan. */
  readonly phases: Readonly<Record<Phase, PhaseOnDevices>>;
  readonly llamaCppBuild: number;
  readonly llamaCppCommit: string;
}

/** O(nodes of its graphs × devices). */
export function measureOnDevices(gguf: ModelSource, options: MachineOptions): MachineMeasurement {
  const [modelOptions, offloadOptions] = separated(options);
  let model = openModel(gguf, modelOptions);
  // llama.cpp makes the context, and finds out what is possible, before it applies adapters.
  const bare = model.offload({ ...offloadOptions, adapters: [] });
  let tg = runPhase(model, 'tg', bare);
  const isPlain = (options.flashAttention ?? 'auto') === 'auto' && !isFused(tg, bare);
  if (isPlain) model = model.withoutFlashAttention();
  const isBare = (offloadOptions.adapters ?? []).length === 0;
  const offload = isBare && !isPlain ? bare : model.offload(offloadOptions);
  if (offload !== bare) tg = runPhase(model, 'tg', offload);
  const pp = runPhase(model, 'pp', offload);
  const buffers = [
    ...offload.buffers,
    ...computeBuffers(offload, pp.measurement.pools!, reservedChunks(pp.measurement.pools!, tg.measurement.pools!)),
  ];
  const { layers, output } = offload.layerDevices;
  return {
    architecture: model.architecture,
    isRecurrent: model.isRecurrent,
    ...sumsOf(buffers),
    devices: sumByDevice(offload.devices, buffers),
    buffers,
    splits: { pp: pp.schedule.splits.length, tg: tg.schedule.splits.length },
    nodes: { pp: pp.given.nodes.length, tg: tg.given.nodes.length },
    checkpoint: model.checkpointBytes,
    copies: offload.copyCount,
    layers: [...layers, output].map(({ name }) => name),
    run: model.run,
    phases: { pp, tg },
    llamaCppBuild: LLAMA_CPP_BUILD,
    llamaCppCommit: LLAMA_CPP_COMMIT,
  };
}

function isFused({ schedule: { graph, deviceOf, copies } }: PhaseOnDevices, offload: Offload): boolean {
  return fusesAttention(graph, deviceOf, offload, copies);
}

/** The options of the model, and those of the machine. @throws PlannerError `BAD_ARGUMENT` for any other */
export function separated(options: MachineOptions): [ModelOptions, OffloadOptions] {
  checkOptions(options, { ...MODEL_OPTIONS, ...OFFLOAD_OPTIONS });
  const entries = Object.entries(options);
  const pick = (names: object): object => Object.fromEntries(entries.filter(([name]) => name in names));
  return [pick(MODEL_OPTIONS), pick(OFFLOAD_OPTIONS) as OffloadOptions];
}
