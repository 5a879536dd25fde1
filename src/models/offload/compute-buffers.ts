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
import type { Schedule } from '../../schedule/schedule.js';
import { spreadGraph } from '../../schedule/spread.js';
import type { Model } from '../model-graph.js';
import type { Phase } from '../options.js';
import type { Offload } from './offload.js';

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
export function reservedChunks(prompt: Measurement, token: Measurement): readonly (readonly number[])[] {
  return prompt.pools!.map((pool, index) =>
    [token.pools![index], pool].reduce<readonly number[]>(regrown, pool.chunks),
  );
}

/** The chunks after a further reservation: those of the new plan, if any of them is larger than before. */
function regrown(present: readonly number[], { chunks }: PoolMeasurement): readonly number[] {
  return chunks.some((size, chunk) => size > (present[chunk] ?? 0)) ? chunks : present;
}

/**
 * Whether every layer's attention is fused on the device of the layer. llama.cpp asks this of the graph for one token of
 * each sequence, and gives flash attention up where it is not so.
 */
export function fusesAttention({ schedule }: PhaseOnDevices, { caches, layerDevices, devices }: Offload): boolean {
  const layerOf = new Map(caches.flat().map(({ tensor, layer }) => [tensor, layer]));
  const originals = new Map(schedule.copies.map(({ of, tensor }) => [tensor, of]));
  const { graph, deviceOf } = schedule;
  return graph.tensors.every((node, id) => {
    if (node.op !== 'FLASH_ATTN_EXT') return true;
    const keys = node.sources[1]!.root;
    const layer = layerOf.get((originals.get(keys) ?? keys).root);
    return layer === undefined || devices[deviceOf[id]] === layerDevices.layers[layer];
  });
}
