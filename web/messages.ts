/**
 * What the page and its workers say to each other. Plain data that can be cloned, and the port of a map.
 */
import type { BufferPurpose, DeviceMeasurement, ModelSizes, Phase } from 'tensor-arena/models';
import type { ServedMap } from 'tensor-arena/viewer';
import type { Kind } from './examples.js';
import type { Settings } from './settings.js';

/** A file to plan. The number tells one choice from the next, so that a worker reads each file once. */
export interface Source {
  readonly id: number;
  readonly name: string;
  readonly kind: Kind;
  /** The file itself, or all parts of a model; or where the file is. */
  readonly content: readonly File[] | string;
}

export type ExportFormat = 'svg' | 'json' | 'csv';

/** Everything that a worker needs for one answer: it may be a fresh one. */
export interface Job {
  readonly task: 'plan' | 'map' | 'fit' | ExportFormat;
  readonly source: Source;
  readonly settings: Settings;
}

/** Bytes of a model, and the options as they were applied. */
export interface ModelFacts extends ModelSizes {
  readonly architecture: string;
  readonly trainedContext: number;
  readonly isRecurrent: boolean;
  readonly contextSize: number;
  readonly ubatchSize: number;
  readonly sequences: number;
  readonly isUnified: boolean;
  /** Most tokens of a batch whose logits are wanted, and a sentence that says why. */
  readonly outputs: number;
  readonly assumption: string;
  readonly llamaCppBuild: number;
}

/** A length that the file of a network leaves open. */
export interface Dim {
  readonly name: string;
  readonly length: number;
}

/** A network from a file of its own format. */
export interface NetworkFacts {
  readonly format: string;
  /** Bytes. */
  readonly weights: number;
  readonly dims: readonly Dim[];
}

/** What was planned. Sizes in bytes. */
export interface PlanAnswer {
  readonly bufferSize: number;
  readonly lowerBound: number;
  readonly isOptimal: boolean;
  readonly allocator: string;
  readonly bufferCount: number;
  /** Operations; null for a problem, which has none. */
  readonly nodeCount: number | null;
  readonly model: ModelFacts | null;
  readonly network: NetworkFacts | null;
  /** Stays in the worker, however many boxes it has. */
  readonly map: ServedMap;
}

/** All memory of one buffer type for one purpose. */
export interface BufferFacts {
  readonly device: string;
  /** As llama.cpp's log names it. */
  readonly type: string;
  readonly purpose: BufferPurpose;
  readonly bytes: number;
}

/** Which layers are where, whether the reader chose them or not. */
export interface LayerChoice {
  readonly layers: number;
  readonly hostExperts: number;
  /** Layers of each GPU. */
  readonly split: readonly number[];
}

/** A model on a machine: what it takes of each device. All sizes in bytes. */
export interface MachineAnswer {
  readonly model: ModelFacts;
  /** All GPUs, those without any layer included, and then the CPU with all host memory. */
  readonly devices: readonly DeviceMeasurement[];
  readonly buffers: readonly BufferFacts[];
  /** The device of every layer, by name; the output is the last. */
  readonly layers: readonly string[];
  readonly choice: LayerChoice;
  /** Layers that have experts, at most; 0 if the model has none. */
  readonly expertLayers: number;
  /** Whether GPU and CPU have the same memory. */
  readonly isShared: boolean;
  readonly flashAttention: boolean;
  readonly splits: Readonly<Record<Phase, number>>;
  readonly nodes: Readonly<Record<Phase, number>>;
  readonly copies: number;
  /** To paste into a shell; null for programs without a command of their own. */
  readonly command: string | null;
}

/** All that is known of a model whose graph is not: nothing of the rest is guessed. */
export interface UnknownModel {
  /** Why its graph is unknown: a sentence. */
  readonly reason: string;
  /** Bytes. */
  readonly weights: number;
  readonly tensorCount: number;
}

/** A change of one setting that would make the model fit. */
export interface Remedy {
  readonly change: Partial<Settings>;
  readonly label: string;
}

/** What fits, and what the other allocator would need. */
export interface FitAnswer {
  /** Tokens that were asked for, and tokens that the model was trained on. */
  readonly wantedContext: number;
  readonly trainedContext: number;
  /** Tokens; null if not even the shortest context fits. */
  readonly largestContext: number | null;
  /** Whether every context fits. */
  readonly isUnlimited: boolean;
  /** Whether that is because the state has one size whatever the context. */
  readonly isRecurrent: boolean;
  readonly remedies: readonly Remedy[];
  /** Bytes of the compute buffer, as llama.cpp plans it and as we would. */
  readonly computeOfGgml: number;
  readonly computeOfAuto: number;
}

export interface Failure {
  readonly message: string;
  /** Whether no other settings would help, since the file itself cannot be used. */
  readonly isOfFile: boolean;
  /** The lengths that the file leaves open, which may be to blame. */
  readonly dims: readonly Dim[];
}

/** One answer for one job. */
export type Reply =
  | { readonly task: 'plan'; readonly plan: PlanAnswer }
  | { readonly task: 'machine'; readonly machine: MachineAnswer }
  | { readonly task: 'map'; readonly map: ServedMap; readonly allocator: string }
  | { readonly task: 'unknown'; readonly model: UnknownModel }
  | { readonly task: 'fit'; readonly fit: FitAnswer }
  | { readonly task: ExportFormat; readonly text: string }
  | { readonly task: 'failure'; readonly failure: Failure };
