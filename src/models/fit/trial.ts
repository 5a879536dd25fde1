/**
 * What a model takes on a machine, measured as llama.cpp measures it while it looks for options that fit: weights are
 * counted as if they were loaded, not mapped, and the compute buffers are those of the first reservation.
 *
 * Invariant: figures are exact. What does not depend on the split of the layers is worked out once for all trials.
 */
import type { Device } from '../../device/device.js';
import type { Gguf } from '../../gguf/types.js';
import { measureGraph } from '../../plan/measure.js';
import { assignDevices, spreadGraph } from '../../schedule/spread.js';
import type { ScheduleInput } from '../../schedule/schedule.js';
import { checkBytes } from '../../units.js';
import { separated, type MachineOptions } from '../measure-on-devices.js';
import { readModel, type Model, type ModelHeader } from '../model-graph.js';
import type { DeviceBuffer } from '../offload/buffers.js';
import { computeBuffers, fusesAttention } from '../offload/compute-buffers.js';
import type { Offload } from '../offload/offload.js';
import type { ModelOptions } from '../options.js';

/** What a model takes of one memory. All sizes in bytes. */
export interface MemoryUse {
  /** The device's name; `Host` for all memory that the CPU reads. */
  readonly name: string;
  readonly totalBytes: number;
  /** Bytes that are free before the model is loaded. */
  readonly freeBytes: number;
  readonly weights: number;
  readonly context: number;
  readonly compute: number;
  /** The sum of the three. */
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

/** llama.cpp forgets which nodes it has pinned before it measures without allocating. */
const NOTHING_PINNED: ScheduleInput['pinned'] = new Map();

/** Measures one model with many options. */
export class Trials {
  readonly header: ModelHeader;
  readonly #models = new Map<string, Model>();

  /** @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL` */
  constructor(gguf: Gguf) {
    this.header = readModel(gguf);
  }

  /** O(nodes of the graph × devices). @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL`, `BYTES_TOO_LARGE` */
  measure(options: MachineOptions): Trial {
    const { model, offload } = this.open(options);
    const { graph, pools } = spreadGraph({ ...model.scheduleInput('pp', offload), pinned: NOTHING_PINNED });
    const measured = measureGraph(graph, { allocator: 'ggml', runtime: 'none', pools }).pools!;
    const compute = computeBuffers(
      offload,
      measured,
      measured.map(({ chunks }) => chunks),
    );
    return { options, ...usesOf([...offload.buffers, ...compute], offload) };
  }

  /** The model, with flash attention if its devices fuse it, and where its parts go. */
  open(options: MachineOptions): { model: Model; offload: Offload } {
    const [modelOptions, offloadOptions] = separated(options);
    const wanted = { ...offloadOptions, mmap: false };
    const model = this.#model(modelOptions);
    const offload = model.offload(wanted);
    if ((modelOptions.flashAttention ?? 'auto') !== 'auto') return { model, offload };
    const input = model.scheduleInput('tg', offload);
    if (fusesAttention(input.graph, assignDevices(input), offload)) return { model, offload };
    const plain = this.#model(modelOptions, true);
    return { model: plain, offload: plain.offload(wanted) };
  }

  #model(options: ModelOptions, isPlain = false): Model {
    const key = `${isPlain} ${JSON.stringify(options)}`;
    let model = this.#models.get(key);
    if (model === undefined) {
      model = isPlain ? this.#model(options).withoutFlashAttention() : this.header.withOptions(options);
      this.#models.set(key, model);
    }
    return model;
  }
}

/** What buffers take of each memory. Weights that the CPU has rearranged are not counted, as llama.cpp does not. */
export function usesOf(
  buffers: readonly DeviceBuffer[],
  { options: { gpus, cpu } }: Offload,
): Pick<Trial, 'devices' | 'host'> {
  const onHost = buffers.filter(({ type }) => type.isHost);
  return {
    devices: gpus.map((device) =>
      useOf(
        device.name,
        device,
        buffers.filter(({ device: name, type }) => name === device.name && !type.isHost),
      ),
    ),
    host: useOf('Host', cpu, onHost),
  };
}

function useOf(name: string, { totalBytes, freeBytes }: Device, buffers: readonly DeviceBuffer[]): MemoryUse {
  const sums = { weights: 0, context: 0, compute: 0 };
  for (const { purpose, bytes } of buffers) if (purpose !== 'output') sums[purpose] += bytes;
  const used = checkBytes(sums.weights + sums.context + sums.compute, name);
  return { name, totalBytes, freeBytes, ...sums, used };
}
