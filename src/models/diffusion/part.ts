/**
 * The memory of one part of a diffusion model: the weights that its graphs read, and the compute buffer of the largest.
 *
 * Invariant: nothing is built before it is asked for, and nothing twice.
 */
import type { Graph } from '../../graph/graph.js';
import { measureGraph, type Measurement } from '../../plan/measure.js';
import type { PlanOptions } from '../../plan/options.js';
import { MODEL_PLANS } from '../llama-cpp.js';
import { GraphContext, type Computation } from './graph-context.js';
import { PartWeights, type TypeOfWeight } from './weights.js';

/** The memory of one part, and the graph behind it. */
export interface PartMeasurement {
  /** Such as `clip-l`, `unet` or `vae`. */
  readonly name: string;
  /** Bytes of the weights that the part reads, without padding. */
  readonly weights: number;
  /** How many weights those are. */
  readonly weightCount: number;
  /** Bytes of the compute buffer. */
  readonly compute: number;
  /** Bytes of weights and compute buffer. */
  readonly total: number;
  /** Bytes of the compute buffer if the allocator `auto` placed the same graph; worked out on first use. */
  readonly computeWithAuto: number;
  /** The graph; of several that the part runs, that of the largest compute buffer. */
  readonly graph: Graph;
  /** The compute buffer of that graph. */
  readonly measurement: Measurement;
}

/** What a part is made of. */
export interface PartRecipe {
  readonly name: string;
  readonly computation: Computation;
  readonly typeOf: TypeOfWeight;
  /** Builds one graph each. */
  readonly builds: readonly ((g: GraphContext) => Graph)[];
}

/** A part that is measured when it is first asked. */
export function measurePart({ name, computation, typeOf, builds }: PartRecipe, plan: PlanOptions): PartMeasurement {
  const outcome = once(() => {
    const weights = new PartWeights(typeOf);
    const all = builds.map((build) => {
      const graph = build(new GraphContext(computation, weights));
      return { graph, measurement: measureGraph(graph, plan) };
    });
    const largest = all.reduce((a, b) => (b.measurement.bufferSize > a.measurement.bufferSize ? b : a));
    return { ...largest, weights };
  });
  const withAuto = once(() => measureGraph(outcome().graph, MODEL_PLANS.auto).bufferSize);
  return {
    name,
    get weights() {
      return outcome().weights.bytes;
    },
    get weightCount() {
      return outcome().weights.count;
    },
    get compute() {
      return outcome().measurement.bufferSize;
    },
    get total() {
      return this.weights + this.compute;
    },
    get computeWithAuto() {
      return withAuto();
    },
    get graph() {
      return outcome().graph;
    },
    get measurement() {
      return outcome().measurement;
    },
  };
}

function once<T extends object | number>(work: () => T): () => T {
  let result: T | null = null;
  return () => (result ??= work());
}
