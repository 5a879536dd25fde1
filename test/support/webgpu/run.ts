/**
 * Runs graphs on a real device, within a page, and beside it with the reference executor.
 *
 * Invariant: every chunk is filled with NaN patterns before anything is written, and what the device finds invalid is in
 * `errors`.
 */
import type { Graph } from '../../../src/graph/graph.js';
import { arrivesAtItsStep } from '../../../src/graph/node-kind.js';
import type { Tensor } from '../../../src/tensor/tensor.js';
import type { Memory } from '../../../src/exec/reference/memory.js';
import { GpuArena } from '../../../src/exec/webgpu/arena.js';
import { PipelineCache } from '../../../src/exec/webgpu/pipelines.js';
import { GpuProgram, type PlanOfGraph } from '../../../src/exec/webgpu/program.js';
import type { WebGpuTarget } from '../../../src/webgpu/target.js';

/** A device of the page, and all that it found invalid. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly errors: string[];
}

/** Everything in one place for graphs that share an arena. */
export class Bench {
  readonly device: GPUDevice;
  readonly arena: GpuArena<GPUBuffer>;
  readonly pipelines: PipelineCache<GPUBuffer>;
  readonly target: WebGpuTarget;

  constructor({ device }: Gpu, target: WebGpuTarget) {
    this.device = device;
    this.arena = new GpuArena(device);
    this.pipelines = new PipelineCache(device);
    this.target = target;
  }

  program(plan: PlanOfGraph): GpuProgram<GPUBuffer> {
    const { arena, pipelines, target } = this;
    return new GpuProgram(plan, { arena, pipelines, target });
  }

  /** Fills all chunks with bytes that are NaNs. */
  poison(): void {
    for (const chunk of this.arena.chunks) {
      this.device.queue.writeBuffer(chunk, 0, new Uint8Array(chunk.size).fill(0xff));
    }
  }

  /** Gives every tensor that a graph does not compute the bytes that it has in `memory`. */
  copyLeafs(program: GpuProgram<GPUBuffer>, memory: Memory): void {
    for (const leaf of leafsOf(program.plan.graph)) {
      const bytes = memory.storage(leaf).slice(0, leaf.byteLength);
      if (leaf.memory === 'deferred') program.write(leaf, bytes);
      else this.arena.upload(leaf, bytes);
    }
  }

  /** The values of a tensor's storage as they are on the device now, put into memory of the reference executor. */
  async fetch(tensor: Tensor, plan: PlanOfGraph, memory: Memory): Promise<number[]> {
    const { root } = tensor;
    const place = root.memory === 'deferred' ? plan.locate(root) : null;
    const storage =
      place === null ? this.arena.outside(root) : { buffer: this.arena.chunks[place.chunk], offset: place.offset };
    memory.storage(root).set(new Uint8Array(await this.arena.read(root, storage)));
    return memory.read(tensor);
  }
}

/** Owners of storages whose values come from outside before a run. */
export function leafsOf(graph: Graph): Tensor[] {
  for (const node of graph.nodes) {
    if (arrivesAtItsStep(node, graph)) throw new Error(`${node.label} arrives at its step, which no program waits for`);
  }
  return [...graph.leafs, ...graph.nodes.filter((node) => graph.inputs.has(node))].filter(({ isView }) => !isView);
}

/** How far values are apart, relative to the larger of the expected one and 1; Infinity where one is not a number. */
export function worstDifference(found: readonly number[], expected: readonly number[]): number {
  if (found.length !== expected.length) return Infinity;
  return found.reduce((worst, value, i) => {
    if (Object.is(value, expected[i]) || value === expected[i]) return worst;
    const difference = Math.abs(value - expected[i]) / Math.max(1, Math.abs(expected[i]));
    return Math.max(worst, Number.isNaN(difference) ? Infinity : difference);
  }, 0);
}
