/** What llama.cpp decides of a graph before it is spread over devices: where leafs lie, and which nodes are fixed. */
import { describe, expect, it } from 'vitest';
import { cudaDevice } from '../../src/device/cuda.js';
import { openModel } from '../../src/models/model-graph.js';
import type { ScheduleInput } from '../../src/schedule/schedule.js';
import { openCase } from '../support/device-cases.js';
import { listRawGraphs, readRawGraph, type RawGraph } from '../support/raw-graph.js';
import { tinyLlama } from '../support/tiny-models.js';
import { describeShared, partOf } from '../support/shared.js';

describeShared('the input of a schedule equals llama.cpp’s', () => {
  it.each(partOf(listRawGraphs()))('%s', async (name) => {
    const raw = readRawGraph(name);
    const [, caseName, phase] = /^(?:raw\/)?(.+)\.(pp|tg)$/.exec(name)!;
    const { model, offload } = await openCase(caseName);
    const input = model.scheduleInput(phase as 'pp' | 'tg', offload);
    expect(nodesOf(input)).toEqual(recordedNodes(raw));
    expect(leafsOf(input)).toEqual(recordedLeafs(raw));
    expect(input.copyCount).toBe(raw.header.copies);
    expect(input.offloadsOperations).toBe(raw.header.opOffload);
    expect(input.bufferTypes?.map((type) => type.name)).toEqual(raw.header.bufts);
  });
});

describe('attention with its cache on the CPU', () => {
  const devices = [cudaDevice({ totalBytes: 2 ** 33 })];
  it.each([
    ['stays there without flash attention', false, false, 4],
    ['follows its layer with it', true, false, 0],
    ['follows its layer with the cache there', false, true, 0],
  ])('%s', async (_, flashAttention, kvOffload, count) => {
    const model = openModel(await tinyLlama(), { flashAttention });
    const { pinned } = model.scheduleInput('pp', model.offload({ devices, kvOffload }));
    const results = [...pinned].filter(([{ name }]) => name.startsWith('kqv_out'));
    expect(results.map(([{ op }, device]) => `${op} ${device}`)).toEqual(new Array(count).fill('CONT 1'));
  });
});

/** The name of each node, and the device that it is fixed to. */
function nodesOf({ graph, pinned }: ScheduleInput): readonly string[] {
  return graph.nodes.map((node) => `${node.name} ${node.op} ${pinned.get(node) ?? -1}`);
}

function recordedNodes({ graph, records }: RawGraph): readonly string[] {
  return graph.nodes.map(({ op }, index) => `${records[index].name} ${op} ${records[index].pinned}`);
}

/** The name of each leaf, the buffer type that it lies in, and whether it is a weight. */
function leafsOf({ graph, placed, weights }: ScheduleInput): readonly string[] {
  return graph.leafs.map((leaf) => `${leaf.name} ${placed.get(leaf)?.name ?? null} ${weights.has(leaf)}`);
}

function recordedLeafs({ header, records }: RawGraph): readonly string[] {
  const leafs = records.slice(header.nodes, header.nodes + header.leafs);
  return leafs.map(({ name, bufferType, isWeight }) => `${name} ${bufferType} ${isWeight}`);
}
