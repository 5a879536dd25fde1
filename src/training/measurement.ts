/**
 * What a training step takes, in bytes: the result of a measurement.
 */
import type { Graph } from '../graph/graph.js';
import type { TrainingModel } from './model.js';
import type { ResolvedRun } from './run.js';

/** What a step of training does, in this order: forward pass with loss, backward pass, step of the optimiser. */
export type TrainingPhase = 'forward' | 'backward' | 'step';

/**
 * What bytes are for. `activations` are made in the forward phase, `recomputed` are made anew in the backward phase,
 * `gradients` end up as gradients of parameters, `temporaries` are the rest.
 */
export type TrainingKind =
  'parameters' | 'buffers' | 'inputs' | 'gradients' | 'optimizerStates' | 'activations' | 'recomputed' | 'temporaries';

/** One phase of a step. */
export interface PhaseMeasurement {
  /** Most bytes that are alive at once. */
  readonly peak: number;
  /** The operation that first reaches `peak`, by its name in PyTorch; null if the phase allocates nothing. */
  readonly op: string | null;
  /** Bytes alive when the phase ends. */
  readonly end: number;
}

/** One step of training. */
export interface StepMeasurement {
  /** Most bytes that are alive at once: everything included. */
  readonly peak: number;
  /** The phase of the peak. */
  readonly phase: TrainingPhase;
  /** The operation that first reaches the peak, by its name in PyTorch. */
  readonly op: string | null;
  readonly phases: Readonly<Record<TrainingPhase, PhaseMeasurement>>;
  /** The bytes of `peak` by what they are for. */
  readonly byKind: Readonly<Record<TrainingKind, number>>;
}

/** Bytes in the host's memory, beside those of the device. */
export interface HostBytes {
  /** What the forward pass saves, where it is moved there. */
  readonly activations: number;
  /** States of a paged optimiser, and counters of steps. */
  readonly optimizerStates: number;
}

/** Elements. */
export interface TrainingCounts {
  /** Parameters of the model with its adapters. */
  readonly parameters: number;
  /** Those that are trained. */
  readonly trainable: number;
}

/** What training takes, in bytes where nothing else is said. */
export interface TrainingMeasurement {
  readonly model: TrainingModel;
  /** The run with all its defaults. */
  readonly run: ResolvedRun;
  readonly counts: TrainingCounts;
  readonly parameters: number;
  readonly buffers: number;
  readonly inputs: number;
  /** Gradients that are alive when the backward pass ends. */
  readonly gradients: number;
  readonly optimizerStates: number;
  /** What the forward pass leaves for the backward pass. */
  readonly activations: number;
  /** Peak of the first step, at whose end the states of the optimiser appear. */
  readonly firstPeak: number;
  /** Peak of every later step. */
  readonly steadyPeak: number;
  /** Alive between two steps. */
  readonly atRest: number;
  readonly host: HostBytes;
  readonly first: StepMeasurement;
  readonly steady: StepMeasurement;
}

/** One step of training as a graph: what is planned, and what its tensors are for. */
export interface TrainingStep {
  /** Every operation in the order in which PyTorch runs it; `release` lets go of tensors that were kept for longer. */
  readonly graph: Graph;
  /** The first node of each phase; the forward phase begins at 0. */
  readonly phaseStarts: { readonly backward: number; readonly step: number };
  /** What each tensor that owns a storage is for, by its index among `graph.tensors`; other tensors have any kind. */
  readonly kinds: readonly TrainingKind[];
  /** The block of the model that each node belongs to, counted from 0; -1 for what is outside of all blocks. */
  readonly blocks: Int32Array;
  readonly counts: TrainingCounts;
  readonly host: HostBytes;
}
