import { expect, it } from 'vitest';
import { planGraph } from '../../src/plan/plan.js';
import type { Plan } from '../../src/plan/plan.js';
import type { Schedule } from '../../src/schedule/schedule.js';
import { listRawGraphs, readRawCase, readRawGraph } from '../support/raw-graph.js';
import { spreadRecorded } from '../support/recorded-answers.js';
import { describeShared, partOf } from '../support/shared.js';

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

interface RecordedGraph {
  readonly splits: readonly RecordedSplit[];
  readonly graphInputs: readonly string[];
  readonly chunks: readonly (readonly number[])[];
  readonly nodes: readonly RecordedNode[];
  readonly leafs: readonly (readonly [string, number, number, number, number])[];
  readonly order?: readonly number[];
}

describeShared('a graph spread over the devices of llama.cpp', () => {
  it.each(partOf(listRawGraphs()))('%s: splits, devices, copies, chunks and offsets', (name) => {
    const raw = readRawGraph(name);
    const phase = name.endsWith('.pp') ? 'pp' : 'tg';
    const recorded = (readRawCase(name) as unknown as { graphs: Record<string, RecordedGraph> }).graphs[phase];
    const schedule = spreadRecorded(raw, recorded.order ?? null);
    const plan = planGraph(schedule.graph, { allocator: 'ggml', runtime: 'none', pools: schedule.pools });

    expect(splitsOf(schedule, raw.graph.nodes)).toEqual(recorded.splits);
    // With several copies all of them exist from the start: they are leafs.
    const hasOneCopy = raw.header.copies === 1;
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
  });
});

/** Whether a line is of more than a view, or a tensor without elements. */
const hasBytes = (line: RecordedNode): boolean => line.length !== 4;

function splitsOf({ splits }: Schedule, nodes: readonly { readonly name: string }[]): RecordedSplit[] {
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
