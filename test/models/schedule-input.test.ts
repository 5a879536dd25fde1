/** What llama.cpp decides of a graph before it is spread over devices: where leafs lie, and which nodes are fixed. */
import { expect, it } from 'vitest';
import type { ScheduleInput } from '../../src/schedule/schedule.js';
import { openCase } from '../support/device-cases.js';
import { listRawGraphs, readRawGraph, type RawGraph } from '../support/raw-graph.js';
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
