/** Orders of recorded graphs: those of llama.cpp proven, those of diffusion models with a small gap, all computing the same. */
import { expect, it } from 'vitest';
import { graphFromJson } from '../../src/index.js';
import { orderGraph, verifyEquivalent } from '../../src/passes/index.js';
import { describeShared, listGraphs, partOf, readGraph } from '../support/shared.js';

/** Orders that are better than the given one by at least so much. */
const IMPROVED: Readonly<Record<string, number>> = {
  'diffusion/sd15-animatediff-64x64-f16': 0.09,
  'diffusion/sd15-unet-64x64-b1-fa': 0.09,
  'diffusion/sd15-vae-dec-64x64': 0.07,
  'diffusion/sd35-large-128x128-fa': 0.03,
  'diffusion/sdxl-unet-128x128-b1': 0.05,
  'diffusion/t5xxl-256': 0.14,
};

describeShared('the order of recorded graphs', () => {
  it.each(partOf(listGraphs('llama')))('%s: proven', (name) => {
    const graph = graphFromJson(readGraph(name));
    const found = orderGraph(graph);
    expect(found.isOptimal).toBe(true);
    expect(verifyEquivalent(graph, found)).toEqual([]);
  });

  it.each(partOf(listGraphs('diffusion')))('%s: within half a per cent of the least', (name) => {
    const graph = graphFromJson(readGraph(name));
    const found = orderGraph(graph);
    expect(found.peak / found.bound - 1).toBeLessThan(0.005);
    expect(1 - found.peak / found.peakBefore).toBeGreaterThanOrEqual(IMPROVED[name] ?? 0);
    expect(verifyEquivalent(graph, found)).toEqual([]);
  });
});
