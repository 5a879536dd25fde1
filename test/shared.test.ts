/** The shared data is complete: a test that walks it cannot pass by walking nothing. */
import { expect, it } from 'vitest';
import {
  describeShared,
  listGraphs,
  listProblems,
  readGraph,
  readProblemCsv,
  readRandomGraphs,
} from './support/shared.js';

describeShared('shared test data', () => {
  it('has 60 llama.cpp graphs and 10 diffusion graphs', () => {
    expect(listGraphs('llama')).toHaveLength(60);
    expect(listGraphs('diffusion')).toHaveLength(10);
    expect(listGraphs()).toHaveLength(70);
  });

  it('reads a real graph with the result that ggml computed', () => {
    expect(readGraph('llama/phi-3-mini-4k.c4096-b512.pp')).toMatchObject({
      format: 'tensor-graph',
      version: 1,
      expected: { gallocr: { alignment: 32 } },
    });
  });

  it('has 200 random graphs', () => {
    const graphs = readRandomGraphs();
    expect(graphs).toHaveLength(200);
    for (const graph of graphs) expect(graph).toMatchObject({ format: 'tensor-graph', version: 1 });
  });

  it('has 11 MiniMalloc and 5 large problems, plain or compressed', () => {
    expect(listProblems()).toHaveLength(16);
    for (const name of listProblems()) expect(readProblemCsv(name)).toMatch(/^id,lower,upper,size/);
  });
});
