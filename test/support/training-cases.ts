/**
 * The graphs and buffers that ggml's optimiser made, from `../shared/training/ggml-opt`.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { LossName, OptimizerName } from '../../src/autodiff/index.js';
import { graphFromJson } from '../../src/json/read.js';
import type { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import type { ListedGraph, ListedTensor } from './compare-graphs.js';
import { paramsOf } from './op-params.js';
import { sharedIsPresent, sharedPath } from './shared-data.js';

interface RecordedTensor extends ListedTensor {
  readonly param?: boolean;
  readonly loss?: boolean;
  readonly nbytes: number;
  readonly opParams?: readonly number[];
}

/** One of the graphs that ggml built. */
export interface UnplacedGraph extends ListedGraph {
  readonly format: string;
  readonly version: number;
  readonly tensors: readonly RecordedTensor[];
}

/** The same, and where ggml's allocator placed it. */
export interface RecordedGraph extends UnplacedGraph {
  readonly expected: {
    readonly gallocr: { readonly bufferSize: number; readonly offsets: readonly (number | null)[] };
  };
}

interface RecordedBuffer {
  readonly bytes: number;
  readonly tensors: readonly { readonly name: string; readonly offset: number; readonly for?: string }[];
}

/** What was recorded of one training run. */
export interface TrainingCase {
  readonly meta: {
    readonly name: string;
    readonly graphs: 'static' | 'dynamic';
    readonly loss: 'cross-entropy' | 'mse';
    readonly optimizer: OptimizerName;
    readonly period: number;
  };
  readonly graphs: Readonly<Record<'gf' | 'gb_grad' | 'gb_opt', RecordedGraph>>;
  readonly buffers: Readonly<Record<'weights' | 'static' | 'cpu', RecordedBuffer>> & {
    readonly compute: { readonly microSteps: readonly { readonly bytes: number }[]; readonly bytes: number };
  };
  readonly reordered: { readonly bufferSize: number };
}

/** The names of all cases, sorted; none when the data is absent. */
export function listTrainingCases(): string[] {
  if (!sharedIsPresent) return [];
  const files = readdirSync(sharedPath('training/ggml-opt')).filter((file) => file.endsWith('.json.gz'));
  return files.map((file) => file.slice(0, -'.json.gz'.length)).sort();
}

export function readTrainingCase(name: string): TrainingCase {
  const bytes = gunzipSync(readFileSync(sharedPath('training/ggml-opt', `${name}.json.gz`)));
  return JSON.parse(bytes.toString('utf8')) as TrainingCase;
}

export const LOSS_NAMES: Readonly<Record<TrainingCase['meta']['loss'], LossName>> = {
  'cross-entropy': 'cross-entropy',
  mse: 'mean-squared-error',
};

/** A recorded graph as a graph of ours, with the settings of its nodes. */
export function graphOf(recorded: UnplacedGraph): Graph {
  const tensors = recorded.tensors.map((tensor) => ({ ...tensor, params: paramsOf(tensor) }));
  return graphFromJson({ ...recorded, tensors });
}

/** The forward pass of a case: what it computes, and what is trained. */
export function networkOf({ graphs }: TrainingCase): { outputs: Tensor; parameters: Tensor[] } {
  const { tensors } = graphOf(graphs.gf);
  const outputs = tensors.find(({ name }) => name === 'output')!;
  return { outputs, parameters: tensors.filter((_, id) => graphs.gf.tensors[id].param === true) };
}

/** The recorded graph with its parameters behind its leafs, which is where ours are. */
export function withParametersAsLeafs(recorded: RecordedGraph): RecordedGraph {
  const isParameter = (id: number): boolean => recorded.tensors[id].op === 'NONE';
  return {
    ...recorded,
    leafs: [...recorded.leafs, ...recorded.nodes.filter(isParameter)],
    nodes: recorded.nodes.filter((id) => !isParameter(id)),
  };
}
