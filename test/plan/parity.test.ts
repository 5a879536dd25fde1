/** The allocator `ggml` against ggml's own answers: the table is `npm run parity`, here every row must be clean. */
import { expect, it } from 'vitest';
import { graphFromJson } from '../../src/json/read.js';
import { graphToJson } from '../../src/json/write.js';
import { measureGraph } from '../../src/plan/measure.js';
import { verifyPlan } from '../../src/verify/verify-plan.js';
import { compareWithGgml, expectedGraphs, type ExpectedGraph } from '../support/parity.js';
import { asVersion2 } from '../support/graph-json.js';
import { describeShared, sharedIsPresent } from '../support/shared.js';

const GRAPHS = sharedIsPresent ? [...expectedGraphs()] : [];

describeShared('parity with ggml', () => {
  it('covers 70 real and 200 random graphs, many of them with chunks', () => {
    expect(GRAPHS).toHaveLength(270);
    expect(GRAPHS.filter(({ expected }) => expected.chunks.length > 1).length).toBe(20);
  });

  it.each(GRAPHS)('$name: same size, chunks and offsets', (graph: ExpectedGraph) => {
    const { plan, differences } = compareWithGgml(graph);
    expect(differences).toEqual([]);
    expect(plan.lowerBound).toBeLessThanOrEqual(plan.bufferSize);
    expect(plan.lowerBound > 0).toBe(plan.bufferSize > 0);
    expect(verifyPlan(plan.graph, plan)).toEqual([]);
    const { alignment, reuse } = plan;
    const limit = graph.expected.maxChunkSize === null ? {} : { maxChunkSize: graph.expected.maxChunkSize };
    const measured = measureGraph(plan.graph, { allocator: 'ggml', alignment, reuse, ...limit });
    expect(measured).toMatchObject({ bufferSize: plan.bufferSize, chunks: plan.chunks, lowerBound: plan.lowerBound });
  });

  it.each(GRAPHS)('$name: JSON round trip', ({ document }: ExpectedGraph) => {
    expect(graphToJson(graphFromJson(document))).toEqual(asVersion2(document));
  });
});
