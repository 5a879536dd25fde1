/** The raw graphs that other tests take for granted: they hold together as any graph does. */
import { expect, it } from 'vitest';
import { findOperation } from '../../src/dialects/ggml/operations.js';
import { describeShared, partOf } from '../support/shared.js';
import { listRawGraphs, readRawCase, readRawGraph } from '../support/raw-graph.js';

describeShared('raw graphs', () => {
  it.each(partOf(listRawGraphs()))('%s is a graph of known operations', (name) => {
    const { graph, header, tensors, records } = readRawGraph(name);
    expect(graph.nodes).toHaveLength(header.nodes);
    expect(tensors).toHaveLength(records.length);
    expect(graph.table.plannedCount).toBeGreaterThan(0);
    expect(graph.outputs.size).toBe(records.filter(({ flags }) => Math.floor(flags / 2) % 2 === 1).length);
    expect(graph.inputs.size).toBe(records.filter(({ flags }) => flags % 2 === 1).length);
    for (const { op } of graph.nodes) expect(findOperation(op), op).toBeDefined();
    for (const [id, { reuseRule, label }] of tensors.entries()) expect(reuseRule, `${id} ${label}`).toBeNull();
    const { meta } = readRawCase(name);
    expect(meta.devices.map(({ name }) => name)).toEqual(header.names.slice(0, -1));
  });
});
