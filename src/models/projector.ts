/**
 * The memory of a multimodal projector, which is loaded beside a model: its weights, and what its encoders compute in.
 *
 * Invariant: the buffers are those that `clip_init` makes in build 10573 when a program starts: for each encoder one of
 * weights on the first device, and compute buffers for one image or sound of the size that llama.cpp warms up with.
 */
import type { Device } from '../device/device.js';
import { withCpu } from '../device/machine.js';
import { Context } from '../dialects/ggml/context.js';
import { checkOptions, named, PlannerError, type OptionNames } from '../errors.js';
import type { Gguf, GgufTensor } from '../gguf/types.js';
import type { Graph } from '../graph/graph.js';
import { sumsOf, type MemorySums } from './device-sums.js';
import { LLAMA_CPP_BUILD, LLAMA_CPP_COMMIT } from './llama-cpp.js';
import { allocatedBytes, type DeviceBuffer } from './offload/buffers.js';
import { checkFlashAttention, type FlashAttention } from './options.js';
import { reserveEncoder, type EncoderDevices } from './projectors/encoder-buffers.js';
import type { Modality } from './projectors/numbers.js';
import { findEncoders, type FoundEncoder } from './projectors/open-encoders.js';
import { checkGguf } from './weights.js';

/** Options of `measureProjector`. */
export interface ProjectorOptions {
  /**
   * The devices of the machine. The first that is no CPU has the projector; what it cannot compute is computed on the CPU.
   * Default: a CPU alone.
   */
  readonly devices?: readonly Device[];
  /** Whether attention never writes its scores to memory. Default `auto`: where the device can compute that. */
  readonly flashAttention?: FlashAttention;
}

const PROJECTOR_OPTIONS: OptionNames<ProjectorOptions> = { devices: true, flashAttention: true };

/** What an encoder computes when llama.cpp warms it up. */
export interface EncoderRun {
  /** Pixels of the image; of a sound, its frames and the numbers of each frame. */
  readonly width: number;
  readonly height: number;
  /** Whether flash attention is used: where it was left open, what llama.cpp found possible. */
  readonly flashAttention: boolean;
  /** llama.cpp's graph, before it is spread over devices. */
  readonly graph: Graph;
  /** Runs of its nodes on one device. */
  readonly splitCount: number;
  /** Bytes of compute buffers. */
  readonly compute: number;
}

/** One encoder of a projector. */
export interface EncoderMeasurement {
  /** What it reads. */
  readonly modality: 'vision' | 'audio';
  /** The kind of its projector, as the file names it, such as `qwen2.5vl_merger`. */
  readonly projector: string;
  /** Null: its graph is not known to this library, and its compute buffers are not counted. */
  readonly run: EncoderRun | null;
}

/** The memory of a projector; the sums are those of all devices. All sizes in bytes. */
export interface ProjectorMeasurement extends MemorySums {
  readonly encoders: readonly EncoderMeasurement[];
  /** One entry for each buffer type and purpose. */
  readonly buffers: readonly DeviceBuffer[];
  /** A sentence for each encoder whose compute buffers are not counted. */
  readonly notes: readonly string[];
  readonly llamaCppBuild: number;
  readonly llamaCppCommit: string;
}

/**
 * Measures a multimodal projector from its header, as llama.cpp reserves memory for it at its start: O(nodes × devices).
 * A larger image than that of the warm-up makes the compute buffers grow while the program runs.
 *
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_MODEL` if the file is no projector or is damaged
 *
 * @example
 * ```ts
 * import { cudaDevice } from 'tensor-arena/device';
 * import type { Gguf } from 'tensor-arena/gguf';
 * import { measureProjector } from 'tensor-arena/models';
 * const computeOf = (projector: Gguf): number =>
 *   measureProjector(projector, { devices: [cudaDevice({ totalBytes: 24 * 2 ** 30 })] }).compute;
 * console.log(typeof computeOf); // function
 * ```
 */
export function measureProjector(gguf: Gguf, options: ProjectorOptions = {}): ProjectorMeasurement {
  checkGguf(gguf);
  checkOptions(options, PROJECTOR_OPTIONS);
  const flashAttention = checkFlashAttention(options.flashAttention ?? 'auto');
  const devices = devicesOf(options.devices ?? []);
  requireProjector(gguf);
  const found = findEncoders(gguf);
  const measured = found.map((encoder) => measureEncoder(encoder, devices, flashAttention));
  const buffers = joined([...weightBuffers(gguf, found, devices[0]), ...measured.flatMap((each) => each.buffers)]);
  return {
    ...sumsOf(buffers),
    encoders: measured.map(({ encoder }) => encoder),
    buffers,
    notes: measured.flatMap(({ encoder }) => noteOf(encoder)),
    llamaCppBuild: LLAMA_CPP_BUILD,
    llamaCppCommit: LLAMA_CPP_COMMIT,
  };
}

/** The device that has the projector, and behind it the CPU. */
function devicesOf(devices: readonly Device[]): EncoderDevices {
  const machine = withCpu(devices);
  const cpu = machine.find(({ bufferType }) => bufferType.isHost)!;
  const first = machine.find(({ bufferType }) => !bufferType.isHost);
  return first === undefined ? [cpu] : [first, cpu];
}

function requireProjector({ name, metadata }: Gguf): void {
  const architecture = metadata['general.architecture'];
  if (architecture === 'clip') return;
  throw new PlannerError('BAD_MODEL', {
    message: `${named(name)} is no multimodal projector, as its general.architecture shows.`,
    culprit: 'general.architecture',
    value: architecture,
    limit: 'clip',
    remedy: 'Give the file whose name begins with mmproj.',
  });
}

interface MeasuredEncoder {
  readonly encoder: EncoderMeasurement;
  readonly buffers: readonly DeviceBuffer[];
}

function measureEncoder(
  { modality, projector, open }: FoundEncoder,
  devices: EncoderDevices,
  wanted: FlashAttention,
): MeasuredEncoder {
  if (open === null) return { encoder: { modality, projector, run: null }, buffers: [] };
  const opened = open();
  const { buffers, ...run } = reserveEncoder(opened, devices, wanted);
  return { encoder: { modality, projector, run: { ...opened.given, ...run } }, buffers };
}

const READS: Readonly<Record<Modality, string>> = { vision: 'images', audio: 'sound' };

function noteOf({ modality, projector, run }: EncoderMeasurement): string[] {
  if (run !== null) return [];
  return [
    `The compute buffer of the projector's encoder of ${READS[modality]} (${projector}) is not known, and not counted.`,
  ];
}

/** Tensors of sound; all others are those of images. */
const OF_SOUND = /^(a|mm\.a)\./;
/** Tensors that every encoder of a file loads for itself, whatever it reads. */
const OF_ALL = /^v\.(class_embd|patch_embd\.(weight(\.1)?|bias)|norm_embd\.(weight|bias))$/;
/** Numbers that llama.cpp reads from the file, but keeps no tensor of. */
const READ_ONCE = /\.(input|output)_(max|min)$|^a\.(mel_filters|window)$/;
/** The encoder beside which llama.cpp loads none of sound. */
const WITHOUT_SOUND = 'gemma3nv';

/** One buffer for each encoder. */
function weightBuffers(gguf: Gguf, found: readonly FoundEncoder[], device: Device): DeviceBuffer[] {
  const { name, bufferType } = device;
  const context = Context.virtual();
  const sizeOf = (tensor: GgufTensor): number =>
    bufferType.sizeOf(context.newTensor(tensor.type.name, tensor.ne, tensor.name));
  return tensorsOfEncoders(gguf, found).map((tensors) => {
    const bytes = allocatedBytes(tensors.map(sizeOf), bufferType);
    return { device: name, type: bufferType, purpose: 'weights', bytes };
  });
}

function tensorsOfEncoders({ tensors }: Gguf, found: readonly FoundEncoder[]): (readonly GgufTensor[])[] {
  const kept = tensors.filter(({ name }) => !READ_ONCE.test(name));
  const ofImages = kept.filter(({ name }) => !OF_SOUND.test(name));
  if (found.some(({ projector }) => projector === WITHOUT_SOUND)) return [ofImages];
  if (found.length < 2) return [kept];
  return [ofImages, kept.filter(({ name }) => OF_SOUND.test(name) || OF_ALL.test(name))];
}

/** Buffers of the same type and purpose as one. */
function joined(buffers: readonly DeviceBuffer[]): readonly DeviceBuffer[] {
  const found = new Map<string, DeviceBuffer>();
  for (const buffer of buffers.filter(({ bytes }) => bytes > 0)) {
    const key = `${buffer.purpose} ${buffer.type.name}`;
    const bytes = (found.get(key)?.bytes ?? 0) + buffer.bytes;
    found.set(key, { ...buffer, bytes });
  }
  return [...found.values()];
}
