/**
 * Ours against ggml's: every size, chunk and offset that ggml's own allocator computed for a graph.
 */
import type { Graph } from '../../src/graph/graph.js';
import { graphFromJson } from '../../src/graph/json-reader.js';
import { planGraph, type Plan } from '../../src/plan/plan.js';
import { listGraphs, readGraph, readRandomGraphs } from './shared-data.js';

/** What `expected.gallocr` of a graph file holds. */
export interface Expected {
  readonly alignment: number;
  readonly maxChunkSize: number | null;
  readonly bufferSize: number;
  readonly chunks: readonly number[];
  readonly offsets: readonly (number | null)[];
  readonly chunkOf: readonly (number | null)[];
}

/** A graph file with ggml's answer. */
export interface ExpectedGraph {
  readonly name: string;
  readonly document: unknown;
  readonly expected: Expected;
}

/** How one graph compares. */
export interface Parity {
  readonly plan: Plan;
  /** One line per size, chunk or offset that is not ggml's. */
  readonly differences: readonly string[];
}

/** The 70 real graphs and the 200 random ones; read one at a time. */
export function* expectedGraphs(): Generator<ExpectedGraph> {
  for (const name of listGraphs()) yield withExpected(name, readGraph(name));
  let index = 0;
  for (const document of readRandomGraphs()) yield withExpected(`random/${index++}`, document);
}

function withExpected(name: string, document: unknown): ExpectedGraph {
  const { expected } = document as { expected: { gallocr: Expected } };
  return { name, document, expected: expected.gallocr };
}

/** Plans a graph as ggml does and compares everything. */
export function compareWithGgml({ document, expected }: ExpectedGraph): Parity {
  const { alignment, maxChunkSize } = expected;
  const graph = graphFromJson(document);
  const limit = maxChunkSize === null ? {} : { maxChunkSize };
  const plan = planGraph(graph, { allocator: 'ggml', reuse: 'ggml', alignment, ...limit });
  return { plan, differences: differencesOf(graph, plan, expected) };
}

function differencesOf(graph: Graph, plan: Plan, expected: Expected): string[] {
  const differences: string[] = [];
  const compare = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) differences.push(`${what}: ${String(found)}, but ggml has ${String(wanted)}`);
  };
  compare('bufferSize', plan.bufferSize, expected.bufferSize);
  compare('chunks', plan.chunks.join(' '), expected.chunks.join(' '));
  const planned = new Map(plan.tensors.map((tensor) => [tensor.id, tensor]));
  graph.tensors.forEach(({ name }, id) => {
    const ours = planned.get(id);
    compare(`${name} (${id}) is planned`, ours !== undefined, expected.offsets[id] !== null);
    if (ours === undefined) return;
    compare(`offset of ${name} (${id})`, ours.offset, expected.offsets[id]);
    compare(`chunk of ${name} (${id})`, ours.chunk, expected.chunkOf[id]);
  });
  return differences;
}
