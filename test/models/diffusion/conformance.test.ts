/** Graphs that stable-diffusion.cpp built are built again from names, sizes and options alone, to the byte. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../../src/graph/graph.js';
import { buildUnet } from '../../../src/models/diffusion/families/unet.js';
import { GraphContext, PLAIN } from '../../../src/models/diffusion/graph-context.js';
import { measureDiffusion, type DiffusionOptions } from '../../../src/models/diffusion/index.js';
import { MOTION, UNET_15 } from '../../../src/models/diffusion/rows/denoisers.js';
import { convertedTypes } from '../../../src/models/diffusion/weight-types.js';
import { PartWeights } from '../../../src/models/diffusion/weights.js';
import { LLAMA_CPP_PLAN } from '../../../src/models/llama-cpp.js';
import { planGraph } from '../../../src/plan/plan.js';
import { firstDifference, type ListedGraph } from '../../support/compare-graphs.js';
import { graphDigest, listed } from '../../support/graph-digest.js';
import { describeShared, listGraphs, partOf, projectPath, readGraph } from '../../support/shared.js';
import { CASES } from './cases.js';

interface RecordedGraph extends ListedGraph {
  readonly meta: { readonly weights: number; readonly n_weights: number };
  readonly expected: {
    readonly gallocr: { readonly bufferSize: number; readonly offsets: readonly (number | null)[] };
  };
}

/** What a graph needs, besides the compute buffer. */
interface Built {
  readonly graph: Graph;
  readonly weights: number;
  readonly weightCount: number;
}

type Part = 'encoder' | 'diffusion' | 'decode';

function part(name: Part, options: DiffusionOptions): () => Built {
  return () => {
    const { encoders, diffusion, vae } = measureDiffusion(options);
    return { encoder: encoders.at(-1)!, diffusion: diffusion[0], decode: vae.decode }[name];
  };
}

/** As recorded: with a time step and a prompt for each frame, where the program itself repeats one. */
function animateDiff(): Built {
  const weights = new PartWeights(convertedTypes('f16'));
  const g = new GraphContext({ ...PLAIN, flashAttention: true }, weights);
  const inputs = { width: 64, height: 64, frames: 16, contextTokens: 77, conditions: 16 };
  const graph = buildUnet(g, { ...UNET_15, motion: MOTION }, inputs);
  return { graph, weights: weights.bytes, weightCount: weights.count };
}

const SMALL = { width: 512, height: 512 };
const LARGE = { width: 1024, height: 1024 };

const RECORDED: Readonly<Record<string, () => Built>> = {
  'clip-vit-l-77': part('encoder', { model: 'sd1.5', ...SMALL }),
  'flux1-dev-128x128-fa': part('diffusion', { model: 'flux1-dev', ...LARGE, promptChunks: 2, flashAttention: true }),
  'sd15-animatediff-64x64-f16': animateDiff,
  'sd15-unet-64x64-b1': part('diffusion', { model: 'sd1.5', ...SMALL }),
  'sd15-unet-64x64-b1-fa': part('diffusion', { model: 'sd1.5', ...SMALL, flashAttention: true }),
  'sd15-vae-dec-64x64': part('decode', { model: 'sd1.5', ...SMALL }),
  'sd35-large-128x128-fa': part('diffusion', { model: 'sd3.5-large', ...LARGE, diffusionFlashAttention: true }),
  'sdxl-unet-128x128-b1': part('diffusion', { model: 'sdxl', ...LARGE }),
  't5xxl-256': part('encoder', { model: 'flux1-dev', ...SMALL }),
  'wan21-1.3b-60x104x9-fa': part('diffusion', {
    ...{ model: 'wan2.1-t2v-1.3b', width: 832, height: 480, videoFrames: 33 },
    flashAttention: true,
  }),
};

/** Leafs as they were recorded: without names of weights, and with all names as long as this library keeps them. */
function withRecordedNames(graph: Graph, recorded: RecordedGraph): RecordedGraph {
  for (const [index, leaf] of graph.leafs.entries()) if (leaf.memory === 'virtual') leaf.name = `leaf_${index}`;
  return { ...recorded, tensors: recorded.tensors.map((tensor) => ({ ...tensor, name: tensor.name.slice(0, 63) })) };
}

/** The first tensor whose offset differs; null if none does. */
function firstOffset(graph: Graph, { leafs, nodes, expected }: RecordedGraph): string | null {
  const plan = planGraph(graph, LLAMA_CPP_PLAN);
  const theirs = [...leafs, ...nodes].map((id) => expected.gallocr.offsets[id] ?? null);
  for (const [position, tensor] of [...graph.leafs, ...graph.nodes].entries()) {
    const ours = tensor.isView ? null : (plan.find(tensor)?.offset ?? null);
    if (ours !== theirs[position]) return `${tensor.name}: ${ours} instead of ${theirs[position]}`;
  }
  return null;
}

describeShared('graphs of stable-diffusion.cpp that were recorded', () => {
  it('are all built', () => {
    expect(Object.keys(RECORDED)).toEqual(listGraphs('diffusion').map((name) => name.slice('diffusion/'.length)));
  });

  it.each(Object.keys(RECORDED))('%s', (name) => {
    const { graph, weights, weightCount } = RECORDED[name]();
    const recorded = withRecordedNames(graph, readGraph(`diffusion/${name}`) as RecordedGraph);
    expect(firstDifference(graph, recorded)).toBeNull();
    expect({ weights, weightCount }).toEqual({ weights: recorded.meta.weights, weightCount: recorded.meta.n_weights });
    expect(planGraph(graph, LLAMA_CPP_PLAN).bufferSize).toBe(recorded.expected.gallocr.bufferSize);
    expect(firstOffset(graph, recorded)).toBeNull();
  });
});

const [, ...rows] = readFileSync(projectPath('test/models/diffusion/stable-diffusion-cpp.csv'), 'utf8')
  .trim()
  .split('\n');

/**
 * stable-diffusion.cpp of the same commit built these as well, with ggml of commit d99724f; of the graphs only a digest is
 * kept.
 */
describe('more graphs of stable-diffusion.cpp', () => {
  it('are all built', () => {
    expect(rows.map((row) => row.split(',')[0]).sort()).toEqual(Object.keys(CASES).sort());
  });

  it.each(partOf(rows).map((row) => [row.split(',')[0], row]))('%s', (name, row) => {
    const { graph, weights, weightCount, compute } = CASES[name]();
    const { nodes, leafs } = graph;
    const digest = graphDigest(listed(graph));
    expect([name, nodes.length, leafs.length, weightCount, weights, compute, digest].join(',')).toBe(row);
  });
});
