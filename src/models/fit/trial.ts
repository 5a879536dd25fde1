/**
 * What a model takes on a machine, measured as llama.cpp measures it while it looks for options that fit: weights are
 * counted as if they were loaded, not mapped, and the compute buffers are those of the first reservation.
 *
 * Invariant: figures are exact. What does not depend on the split of the layers is worked out once for all trials.
 */
import type { Device } from '../../device/device.js';
import { measureGraph } from '../../plan/measure.js';
import type { PoolMeasurement } from '../../plan/pools.js';
import { assignDevices, spreadGraph } from '../../schedule/spread.js';
import type { Schedule, ScheduleInput } from '../../schedule/schedule.js';
import { checkBytes } from '../../units.js';
import { separated, type MachineOptions } from '../measure-on-devices.js';
import { readModel, type Model, type ModelHeader, type ModelSource } from '../model-graph.js';
import type { DeviceBuffer } from '../offload/buffers.js';
import { computeBuffers, fusesAttention, reservedChunks } from '../offload/compute-buffers.js';
import type { Offload } from '../offload/offload.js';
import type { ModelOptions, ResolvedModelOptions } from '../options.js';

/** What a model takes of one memory. All sizes in bytes. */
export interface MemoryUse {
  /** The device's name; in llama.cpp's trials `Host` for all memory that the CPU reads. */
  readonly name: string;
  readonly totalBytes: number;
  /** Bytes that are free before the model is loaded. */
  readonly freeBytes: number;
  readonly weights: number;
  /** LoRA adapters, which llama.cpp's trials leave out: 0 there. */
  readonly adapters: number;
  readonly context: number;
  readonly compute: number;
  /** The buffer of logits, which llama.cpp's trials leave out: 0 there. */
  readonly output: number;
  /** The sum of the five. */
  readonly used: number;
}

/** What one choice of options takes. */
export interface Trial {
  /** The options that were measured. */
  readonly options: MachineOptions;
  /** The devices that take part, without the CPU. */
  readonly devices: readonly MemoryUse[];
  readonly host: MemoryUse;
}

/** What a run takes, with the options as they were applied. */
export interface ConfirmedRun extends Trial {
  readonly run: ResolvedModelOptions;
}

/** llama.cpp forgets which nodes it has pinned before it measures without allocating. */
const NOTHING_PINNED: ScheduleInput['pinned'] = new Map();

/** Measures one model with many options. */
export class Trials {
  readonly header: ModelHeader;
  readonly #estimates = new WeakMap<Trial, { readonly model: Model; readonly prompt: readonly PoolMeasurement[] }>();
  /** Whether attention was fused, by the options that decide it in most models. */
  readonly #fused = new Map<string, boolean>();

  /** @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL` */
  constructor(source: ModelSource) {
    this.header = readModel(source);
  }

  /** As llama.cpp measures before it loads. O(nodes of the graph × devices). @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL`, `BYTES_TOO_LARGE` */
  measure(options: MachineOptions): Trial {
    const { model, offload } = this.open({ ...options, mmap: false, adapters: [] });
    const pools = reserved({ ...model.scheduleInput('pp', offload), pinned: NOTHING_PINNED });
    return { options, ...usesOfTrial(offload, pools, chunksOf(pools)) };
  }

  /**
   * What a run takes as far as the prompt decides it, and with flash attention if the last model with these cache types has
   * it. Half the work of a confirmed figure. @throws PlannerError as {@link measure}
   */
  estimateRun(options: MachineOptions): Trial {
    const isFused = this.#fused.get(fusedKey(options));
    const isPlain = isFused === false;
    const placed = isFused === undefined ? this.open(options) : this.place(options, isPlain);
    const prompt = reserved(placed.model.scheduleInput('pp', placed.offload));
    const trial = { options, ...usesOfRun(placed.offload, prompt, chunksOf(prompt)) };
    this.#estimates.set(trial, { model: placed.model, prompt });
    return trial;
  }

  /** What the run of an estimate takes. @throws PlannerError as {@link measure} */
  confirmRun(estimate: Trial): ConfirmedRun {
    const { options } = estimate;
    const fused = this.place(options);
    let tg = spreadGraph(fused.model.scheduleInput('tg', fused.offload));
    const isPlain = isAuto(options) && !fusesAttention(tg.graph, tg.deviceOf, fused.offload, tg.copies);
    const { model, offload } = isPlain ? this.place(options, true) : fused;
    if (isPlain) tg = spreadGraph(model.scheduleInput('tg', offload));
    const known = this.#estimates.get(estimate);
    const pp = known?.model === model ? known.prompt : reserved(model.scheduleInput('pp', offload));
    return { options, run: model.run, ...usesOfRun(offload, pp, reservedChunks(pp, poolsOf(tg))) };
  }

  /** The model, with flash attention if its devices fuse it, and where its parts go. */
  open(options: MachineOptions): { model: Model; offload: Offload } {
    const placed = this.place(options);
    if (!isAuto(options)) return placed;
    const input = placed.model.scheduleInput('tg', placed.offload);
    const isFused = fusesAttention(input.graph, assignDevices(input), placed.offload);
    this.#fused.set(fusedKey(options), isFused);
    return isFused ? placed : this.place(options, true);
  }

  /** Where the parts of the model go, whatever its attention. */
  place(options: MachineOptions, isPlain = false): { model: Model; offload: Offload } {
    const [modelOptions, offloadOptions] = separated(options);
    const opened = this.header.withOptions(modelOptions);
    const model = isPlain ? opened.withoutFlashAttention() : opened;
    return { model, offload: model.offload(offloadOptions) };
  }
}

function fusedKey({ flashAttention, cacheTypeK, cacheTypeV }: ModelOptions): string {
  return `${String(flashAttention)} ${cacheTypeK} ${cacheTypeV}`;
}

/** Whether llama.cpp finds out itself if attention can be fused. */
function isAuto({ flashAttention = 'auto' }: ModelOptions): boolean {
  return flashAttention === 'auto';
}

function reserved(input: ScheduleInput): readonly PoolMeasurement[] {
  return poolsOf(spreadGraph(input));
}

function poolsOf({ graph, pools }: Schedule): readonly PoolMeasurement[] {
  return measureGraph(graph, { allocator: 'ggml', runtime: 'none', pools }).pools!;
}

type Chunks = readonly (readonly number[])[];

function chunksOf(pools: readonly PoolMeasurement[]): Chunks {
  return pools.map(({ chunks }) => chunks);
}

type Uses = Pick<Trial, 'devices' | 'host'>;

/** What a run takes of each memory, the CPU's with all host memory. */
function usesOfRun(offload: Offload, pools: readonly PoolMeasurement[], chunks: Chunks): Uses {
  const buffers = [...offload.buffers, ...computeBuffers(offload, pools, chunks)];
  const { gpus, cpu } = offload.options;
  const useOfDevice = (device: Device): MemoryUse =>
    useOf(
      device.name,
      device,
      buffers.filter((buffer) => buffer.device === device.name),
    );
  return { devices: gpus.map(useOfDevice), host: useOfDevice(cpu) };
}

/** What llama.cpp counts of it: neither the logits, nor weights that the CPU has rearranged. */
function usesOfTrial(offload: Offload, pools: readonly PoolMeasurement[], chunks: Chunks): Uses {
  const buffers = [...offload.buffers, ...computeBuffers(offload, pools, chunks)].filter(
    ({ purpose }) => purpose !== 'output',
  );
  const { gpus, cpu } = offload.options;
  const ofDevice = (name: string): DeviceBuffer[] =>
    buffers.filter(({ device, type }) => device === name && !type.isHost);
  return {
    devices: gpus.map((gpu) => useOf(gpu.name, gpu, ofDevice(gpu.name))),
    host: useOf(
      'Host',
      cpu,
      buffers.filter(({ type }) => type.isHost),
    ),
  };
}

function useOf(name: string, { totalBytes, freeBytes }: Device, buffers: readonly DeviceBuffer[]): MemoryUse {
  const sums = { weights: 0, adapters: 0, context: 0, compute: 0, output: 0 };
  for (const { purpose, bytes } of buffers) sums[purpose] += bytes;
  const used = checkBytes(
    Object.values(sums).reduce((sum, bytes) => sum + bytes),
    name,
  );
  return { name, totalBytes, freeBytes, ...sums, used };
}
