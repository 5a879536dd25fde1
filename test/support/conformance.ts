/**
 * Checks a model's measurement against a graph and report that llama.cpp really made.
 */
import { dirname, join } from 'node:path';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf } from '../../src/gguf/types.js';
import { measureModel } from '../../src/models/measure-model.js';
import type { ModelOptions, Phase } from '../../src/models/options.js';
import { measureGraph } from '../../src/plan/measure.js';
import { firstDifference, type ListedGraph } from './compare-graphs.js';
import { readRecording, type Recording } from './shared-data.js';

interface RecordedGraph extends ListedGraph {
  readonly meta: {
    readonly phase: Phase;
    readonly n_ctx: number;
    readonly n_ubatch?: number;
    readonly n_seqs: number;
    readonly flash_attn: number;
    readonly type_k: string;
    readonly type_v: string;
    readonly kv_unified: number;
    readonly embeddings?: number;
    readonly breakdown: readonly [{ readonly model: number; readonly context: number; readonly compute: number }];
  };
  readonly expected: {
    readonly gallocr: { readonly bufferSize: number; readonly offsets: readonly (number | null)[] };
  };
}

/** What was compared; null where llama.cpp agrees. */
export interface Conformance {
  readonly nodeCount: number;
  readonly graph: string | null;
  readonly weights: string | null;
  readonly context: string | null;
  readonly compute: string | null;
  readonly offsets: string | null;
  /** Bytes of the phase's compute buffer, as llama.cpp places the graph. */
  readonly bufferSize: number;
  /** Bytes of the same graph with our placement, and with everything in place that may be. */
  readonly ourSize: number;
}

export async function checkConformance(recording: Recording): Promise<Conformance> {
  const recorded = readRecording(recording) as RecordedGraph;
  const gguf = await readGguf(recording.headerPath);
  const target = await targetOf(gguf, recording);
  const options = optionsOf(recording, recorded);
  const measured = measureModel(gguf, target === null ? options : { ...options, target });
  const [reported] = recorded.meta.breakdown;
  const { gallocr } = recorded.expected;
  return {
    nodeCount: measured.graph.nodes.length,
    graph: firstDifference(measured.graph, recorded),
    weights: differ(measured.weights, reported.model),
    context: differ(measured.context, reported.context),
    compute: differ(measured.compute, reported.compute) ?? differ(measured.measurement.bufferSize, gallocr.bufferSize),
    offsets: firstOffset(measured, recorded),
    bufferSize: gallocr.bufferSize,
    ourSize: measureGraph(measured.graph, { allocator: 'auto', reuse: 'full' }).bufferSize,
  };
}

/** The model that recorded drafts were made with. */
const TARGETS: ReadonlyMap<string, string> = new Map([
  ['dflash', 'qwen3.gguf'],
  ['eagle3', 'qwen3.gguf'],
  ['gemma4-assistant', 'gemma4.gguf'],
]);

async function targetOf({ metadata }: Gguf, { headerPath }: Recording): Promise<Gguf | null> {
  const target = TARGETS.get(String(metadata['general.architecture']));
  return target === undefined ? null : readGguf(join(dirname(headerPath), target));
}

/** Of the oldest recordings, the physical batch stands in the name only. */
function optionsOf({ options }: Recording, { meta }: RecordedGraph): ModelOptions {
  const ubatchSize = meta.n_ubatch ?? Number(/-b(\d+)/.exec(options)![1]);
  return {
    program: 'library',
    ctxSize: meta.n_ctx,
    batchSize: Math.max(2048, ubatchSize),
    ubatchSize,
    parallel: meta.n_seqs,
    kvUnified: meta.kv_unified === 1,
    flashAttention: meta.flash_attn === 1,
    cacheTypeK: meta.type_k,
    cacheTypeV: meta.type_v,
    phase: meta.phase,
    embeddings: meta.embeddings === 1,
  };
}

function differ(ours: number, theirs: number): string | null {
  return ours === theirs ? null : `${ours} instead of ${theirs}`;
}

/** The first tensor whose offset differs. ggml gives offsets to in-place results as well as to owners. */
function firstOffset({ graph, plan }: ReturnType<typeof measureModel>, recorded: RecordedGraph): string | null {
  const ours = [...graph.leafs, ...graph.nodes];
  const theirs = [...recorded.leafs, ...recorded.nodes];
  if (ours.length !== theirs.length) return 'another number of tensors';
  for (const [position, tensor] of ours.entries()) {
    const expected = recorded.expected.gallocr.offsets[theirs[position]] ?? null;
    const actual = tensor.isView ? null : (plan.find(tensor)?.offset ?? null);
    if (actual !== expected) return `${tensor.name}: ${actual} instead of ${expected}`;
  }
  return null;
}
