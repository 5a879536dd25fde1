/**
 * Which device gets which layer.
 *
 * Invariant: the arithmetic is that of `load_tensors` in llama.cpp, in 32-bit floating point, so that a layer at the
 * border of two devices goes where llama.cpp puts it.
 */
import type { Device } from '../../device/device.js';
import type { ResolvedOffloadOptions } from './options.js';

/** The device of every layer, and of the output, which counts as the layer after the last. */
export interface LayerDevices {
  readonly layers: readonly Device[];
  readonly output: Device;
}

/** @param layerCount layers of the file, those that predict further tokens included */
export function layerDevices(options: ResolvedOffloadOptions, layerCount: number): LayerDevices {
  const { gpus, cpu, gpuLayers, shares } = options;
  const count = gpus.length === 0 ? 0 : Math.min(gpuLayers, layerCount + 1);
  const start = layerCount + 1 - count;
  const ends = splitPoints(shares);
  const deviceOf = (layer: number): Device => {
    if (layer < start) return cpu;
    const position = Math.fround((layer - start) / count);
    return gpus[ends.findIndex((end) => end > position)];
  };
  return { layers: Array.from({ length: layerCount }, (_, layer) => deviceOf(layer)), output: deviceOf(layerCount) };
}

/** Where the share of each device ends, from 0 to 1. */
function splitPoints(shares: readonly number[]): readonly number[] {
  let sum = 0;
  const ends = shares.map((share) => (sum = Math.fround(sum + Math.fround(share))));
  return ends.map((end) => Math.fround(end / sum));
}

/** Whether all layers and the output are on GPUs. */
export function isFullyOffloaded({ gpuLayers }: ResolvedOffloadOptions, layerCount: number): boolean {
  return gpuLayers > layerCount;
}
