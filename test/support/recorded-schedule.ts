/**
 * What llama.cpp's scheduler and allocator made of a graph, beside a schedule and a plan of ours.
 */
import { expect } from 'vitest';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Graph } from '../../src/graph/graph.js';
import type { Plan } from '../../src/plan/plan.js';
import type { Schedule } from '../../src/schedule/schedule.js';
import { sharedPath } from './shared-data.js';

interface RecordedSplit {
  readonly backend: number;
  readonly start: number;
  readonly nodes: number;
  readonly first: string;
  readonly inputs: readonly string[];
}

type RecordedNode =
  | readonly [0, name: string, op: string, backend: number, chunk?: number, offset?: number, allocSize?: number]
  | readonly [1, input: string]
  | readonly [2, copy: string, op: string, backend: number, chunk: number, offset: number, allocSize: number];

export interface RecordedGraph {
  readonly splits: readonly RecordedSplit[];
  readonly graphInputs: readonly string[];
  readonly chunks: readonly (readonly number[])[];
  readonly nodes: readonly RecordedNode[];
  readonly leafs: readonly (readonly [string, number, number, number, number])[];
  readonly order?: readonly number[];
}

/** The recording of a case: `llama-3.1-8b.gpu1-half`, `repack/llama-3.1-8b.cpu`. */
export function recordedGraph(name: string, phase: 'pp' | 'tg'): RecordedGraph {
  const text = gunzipSync(readFileSync(sharedPath('devices', `${name}.json.gz`))).toString('utf8');
  const { graphs, weights } = JSON.parse(text) as {
    graphs: Record<string, RecordedGraph>;
    weights: readonly (readonly [string, ...unknown[]])[];
  };
  // Weights that were only measured, not loaded, are listed among the leafs, at no place.
  const names = new Set(weights.map(([weight]) => weight));
  return { ...graphs[phase], leafs: graphs[phase].leafs.filter(([leaf]) => !names.has(leaf)) };
}

/**
 * Compares splits, devices, copies, chunks and offsets.
 *
 * @param given the graph that was spread
 */
export function expectRecordedSchedule(given: Graph, schedule: Schedule, plan: Plan, recorded: RecordedGraph): void {
  expect(splitsOf(given, schedule)).toEqual(recorded.splits);
  // With several copies all of them exist from the start: they are leafs.
  const hasOneCopy = schedule.copies.every(({ index }) => index === 0);
  const nodes = nodesOf(schedule, plan);
  const recordedNodes = recorded.nodes.filter(([kind]) => hasOneCopy || kind !== 2);
  const chunks = schedule.bufferTypes.map((type) => plan.pools!.find((pool) => pool.name === type.name)!.chunks);
  expect(chunks).toEqual(recorded.chunks);
  expect(nodes.filter(hasBytes)).toEqual(recordedNodes.filter(hasBytes));
  // A view that a split copies comes before the split, where llama.cpp leaves it within.
  expect(nodes.map(String).sort()).toEqual(recordedNodes.map(String).sort());
  // An input of the graph is listed once among its copies, and again among the leafs.
  const leafs = new Map(recorded.leafs.map((leaf) => [leaf.join(), leaf]));
  expect(leafsOf(schedule, plan)).toEqual([...leafs.values()]);
}

/** Whether a line is of more than a view, or a tensor without elements. */
const hasBytes = (line: RecordedNode): boolean => line.length !== 4;

function splitsOf({ nodes }: Graph, { splits }: Schedule): RecordedSplit[] {
  return splits.map(({ device, start, end, inputs }) => ({
    backend: device,
    start,
    nodes: end - start,
    first: nodes[start].name,
    inputs: inputs.map((input) => input.name),
  }));
}

/** Chunk within its pool, offset and bytes before padding; nothing for what has no bytes in the plan. */
function placeOf({ graph }: Schedule, plan: Plan, id: number): [number, number, number] | [] {
  const tensor = graph.tensors[id];
  if (tensor.isView || tensor.memory !== 'deferred' || tensor.storageBytes === 0) return [];
  const { chunk, offset } = plan.find(tensor)!;
  const pool = plan.pools!.findLast(({ firstChunk }) => firstChunk <= chunk)!;
  return [chunk - pool.firstChunk, offset, tensor.storageBytes];
}

function nodesOf(schedule: Schedule, plan: Plan): RecordedNode[] {
  const { graph, deviceOf, copies } = schedule;
  const isCopy = new Set(copies.map(({ tensor }) => tensor));
  const first = graph.leafs.length;
  return graph.nodes.map((node, step) => {
    const place = placeOf(schedule, plan, first + step);
    if (isCopy.has(node)) return [2, node.name, 'NONE', deviceOf[first + step], ...place] as RecordedNode;
    if (node.operation === null) return [1, node.name.replace(/ \(view\)$/, '')];
    return [0, node.name, node.op, deviceOf[first + step], ...place];
  });
}

function leafsOf(schedule: Schedule, plan: Plan): RecordedGraph['leafs'] {
  const { graph, deviceOf } = schedule;
  return graph.leafs.flatMap(({ name }, id) => {
    const place = placeOf(schedule, plan, id);
    return place.length === 0 ? [] : [[name, deviceOf[id], ...place] as const];
  });
}
