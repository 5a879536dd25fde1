/**
 * The compute buffers that llama.cpp reserves on a machine, and whether attention can be fused there.
 *
 * Invariant: the order of reservations is that of `sched_reserve`: the prompt, one token for each sequence, the prompt
 * again. Buffers only grow.
 */
import type { Graph } from '../../graph/graph.js';
import { place, type Measurement } from '../../plan/measure.js';
import { resolveOptions } from '../../plan/options.js';
import { Plan } from '../../plan/plan.js';
import type { PoolMeasurement } from '../../plan/pools.js';
import type { Copy, Schedule } from '../../schedule/schedule.js';
import { spreadGraph } from '../../schedule/spread.js';
import { checkBytes } from '../../units.js';
import type { Model } from '../model-graph.js';
import type { Phase } from '../options.js';
import type { DeviceBuffer } from './buffers.js';
import { ownerOf, type Offload } from './offload.js';

/** The graph of one phase on the devices of a machine, as llama.cpp plans it. */
export interface PhaseOnDevices {
  /** llama.cpp's graph before it is spread. */
  readonly given: Graph;
  readonly schedule: Schedule;
  readonly measurement: Measurement;
  /** Where every tensor goes; made on first use. */
  readonly plan: Plan;
}

export function runPhase(model: Model, phase: Phase, offload: Offload): PhaseOnDevices {
  const input = model.scheduleInput(phase, offload);
  const schedule = spreadGraph(input);
  const options = resolveOptions({ allocator: 'ggml', runtime: 'none', pools: schedule.pools });
  const outcome = place(schedule.graph, options);
  let plan: Plan | null = null;
  return {
    given: input.graph,
    schedule,
    measurement: outcome.measurement,
    get plan() {
      return (plan ??= new Plan(schedule.graph, outcome));
    },
  };
}

/** The chunks of each pool, once all graphs have been reserved for. */
export function reservedChunks(
  prompt: readonly PoolMeasurement[],
  token: readonly PoolMeasurement[],
): readonly (readonly number[])[] {
  return prompt.map((pool, index) => regrown(regrown(pool.chunks, token[index].chunks), pool.chunks));
}

/** The chunks after a further reservation: those of the new plan, if any of them is larger than before. */
export function regrown(present: readonly number[], chunks: readonly number[]): readonly number[] {
  return chunks.some((size, chunk) => size > (present[chunk] ?? 0)) ? chunks : present;
}

/** The compute buffers of all pools, by the sizes of their chunks. */
export function computeBuffers(
  offload: Offload,
  pools: readonly Pick<PoolMeasurement, 'name'>[],
  chunks: readonly (readonly number[])[],
): DeviceBuffer[] {
  const types = new Map(offload.bufferTypes.map((type) => [type.name, type]));
  return pools.flatMap(({ name }, pool) => {
    const type = types.get(name)!;
    const sizes = chunks[pool].filter((size) => size > 0);
    const bytes = sizes.reduce((sum, size) => checkBytes(sum + size + type.overhead, name), 0);
    const device = ownerOf(type, offload.options).name;
    return bytes === 0 ? [] : [{ device, type, purpose: 'compute' as const, bytes }];
  });
}

/**
 * Whether every layer's attention is fused on the device of the layer. llama.cpp asks this of the graph for one token of
 * each sequence, and gives flash attention up where it is not so.
 *
 * @param deviceOf devices by index, of every tensor by its id
 */
export function fusesAttention(
  graph: Graph,
  deviceOf: Int32Array,
  { caches, layerDevices, devices }: Offload,
  copies: readonly Copy[] = [],
): boolean {
  const layerOf = new Map(caches.flat().map(({ tensor, layer }) => [tensor, layer]));
  const originals = new Map(copies.map(({ of, tensor }) => [tensor, of]));
  return graph.tensors.every((node, id) => {
    if (node.op !== 'FLASH_ATTN_EXT') return true;
    const keys = node.sources[1]!.root;
    const layer = layerOf.get((originals.get(keys) ?? keys).root);
    return layer === undefined || devices[deviceOf[id]] === layerDevices.layers[layer];
  });
}
