/**
 * The compute buffers of an encoder, which llama.cpp spreads over one device and the CPU.
 *
 * Invariant: reservations are those of `clip_model_loader::warmup`: with flash attention first, and without it where the
 * device cannot compute that. Buffers only grow.
 */
import type { BufferType, Device } from '../../device/device.js';
import type { Graph } from '../../graph/graph.js';
import { place } from '../../plan/measure.js';
import { resolveOptions } from '../../plan/options.js';
import { spreadGraph } from '../../schedule/spread.js';
import type { Tensor } from '../../tensor/tensor.js';
import { checkBytes } from '../../units.js';
import type { DeviceBuffer } from '../offload/buffers.js';
import { regrown } from '../offload/compute-buffers.js';
import type { FlashAttention } from '../options.js';
import type { EncoderGraph, OpenEncoder } from './open-encoders.js';

/** The device that computes, and behind it the CPU unless it is that. */
export type EncoderDevices = readonly [Device, ...Device[]];

/** What an encoder takes when llama.cpp reserves memory for it. */
export interface ReservedEncoder {
  readonly buffers: readonly DeviceBuffer[];
  /** Bytes of these buffers. */
  readonly compute: number;
  /** Whether flash attention is used in the end. */
  readonly flashAttention: boolean;
  /** The graph in the end. */
  readonly graph: Graph;
  /** Runs of its nodes on one device. */
  readonly splitCount: number;
}

/** O(nodes × devices). @throws PlannerError `BAD_MODEL` */
export function reserveEncoder(
  { build }: OpenEncoder,
  devices: EncoderDevices,
  wanted: FlashAttention,
): ReservedEncoder {
  const built = build(wanted !== false);
  const reserved = reserve(built, devices);
  if (wanted !== 'auto' || fusesAttention(built, devices)) {
    return { ...finished(reserved.chunks, devices), ...summary(built, reserved), flashAttention: wanted !== false };
  }
  const plain = build(false);
  const again = reserve(plain, devices);
  const chunks = again.chunks.map((sizes, pool) => regrown(reserved.chunks[pool], sizes));
  return { ...finished(chunks, devices), ...summary(plain, again), flashAttention: false };
}

function summary({ graph }: EncoderGraph, { splitCount }: Reserved): Pick<ReservedEncoder, 'graph' | 'splitCount'> {
  return { graph, splitCount };
}

interface Reserved {
  /** The chunks of each device's pool. */
  readonly chunks: readonly (readonly number[])[];
  readonly splitCount: number;
}

function reserve(built: EncoderGraph, devices: EncoderDevices): Reserved {
  const placed = placedWeights(built, devices[0].bufferType);
  const { graph, pools, splits } = spreadGraph({
    graph: built.graph,
    devices,
    bufferTypes: devices.map(({ bufferType }) => bufferType),
    placed,
    weights: new Set(placed.keys()),
    pinned: new Map(),
    offloadsOperations: true,
    policy: 'llama.cpp',
    copyCount: 1,
  });
  const { measurement } = place(graph, resolveOptions({ allocator: 'ggml', runtime: 'none', pools }));
  return { chunks: measurement.pools!.map(({ chunks }) => chunks), splitCount: splits.length };
}

function placedWeights({ weights }: EncoderGraph, type: BufferType): ReadonlyMap<Tensor, BufferType> {
  return new Map([...weights.read].map((tensor) => [tensor, type]));
}

/** Whether the device can compute every node of attention. */
function fusesAttention(built: EncoderGraph, [device]: EncoderDevices): boolean {
  const placed = placedWeights(built, device.bufferType);
  const typeOf = (tensor: Tensor): BufferType | null => placed.get(tensor) ?? null;
  return built.graph.nodes.every((node) => node.op !== 'FLASH_ATTN_EXT' || device.supports(node, typeOf));
}

function finished(
  chunks: readonly (readonly number[])[],
  devices: EncoderDevices,
): Pick<ReservedEncoder, 'buffers' | 'compute'> {
  const buffers = devices.flatMap(({ name, bufferType: type }, index) => {
    const sizes = (chunks[index] ?? []).filter((size) => size > 0);
    const bytes = sizes.reduce((sum, size) => checkBytes(sum + size + type.overhead, name), 0);
    return bytes === 0 ? [] : [{ device: name, type, purpose: 'compute' as const, bytes }];
  });
  return { buffers, compute: buffers.reduce((sum, { bytes, device }) => checkBytes(sum + bytes, device), 0) };
}
