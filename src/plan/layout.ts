/**
 * The layout of a plan: what an arena needs to know of chunks and tensors.
 */
import { PlannerError, subject } from '../errors.js';
import type { Tensor } from '../tensor/tensor.js';

/** One tensor with bytes of its own in the compute buffer. */
export interface PlannedTensor {
  /** Index in `graph.tensors`. */
  readonly id: number;
  readonly name: string;
  readonly chunk: number;
  /** Bytes from the start of the chunk. */
  readonly offset: number;
  /** Bytes, padded to the alignment. */
  readonly size: number;
  /** First step at which the bytes are needed, inclusive. */
  readonly start: number;
  /** One past the last step at which the bytes are needed. */
  readonly end: number;
}

/** Where a tensor's first byte is. */
export interface PlannedLocation {
  readonly chunk: number;
  /** Bytes from the start of the chunk. */
  readonly offset: number;
}

/** Chunks, and the tensors in them. */
export interface PlanLayout {
  /** Size of each chunk, bytes. */
  readonly chunks: readonly number[];
  /** Bytes that every offset is a multiple of. */
  readonly alignment: number;
  /** Steps of the graph. */
  readonly nodeCount: number;
  /** The plan of the storage that a tensor owns or looks into; `undefined` if that storage is in no chunk. */
  find(tensor: Tensor): PlannedTensor | undefined;
  /** Whether a planned tensor still holds its value when the graph has run. */
  isKept(planned: PlannedTensor): boolean;
  /** Where the first byte of a tensor is. @throws PlannerError `NOT_READABLE` if it is in no chunk */
  locate(tensor: Tensor): PlannedLocation;
}

/** Where the first byte of `tensor` is, whose storage is at `planned`. @throws PlannerError `NOT_READABLE` without a place */
export function locationOf(tensor: Tensor, planned: PlannedTensor | undefined): PlannedLocation {
  if (planned !== undefined) return { chunk: planned.chunk, offset: planned.offset + tensor.viewOffset };
  const culprit = tensor.label;
  throw new PlannerError('NOT_READABLE', {
    message: `${subject(culprit)}, in ${tensor.memory} memory, has no bytes in the compute buffer of this plan.`,
    culprit,
    value: `in ${tensor.memory} memory`,
    limit: 'in the compute buffer of this plan',
    remedy: 'Ask for deferred tensors of the planned graph; immediate ones have their own bytes.',
  });
}

/** @throws PlannerError `NOT_READABLE` if a planned tensor has lost its value by the end of the graph */
export function checkKept(tensor: Tensor, plan: PlanLayout): void {
  const planned = plan.find(tensor);
  if (planned === undefined || plan.isKept(planned)) return;
  const culprit = tensor.label;
  throw new PlannerError('NOT_READABLE', {
    message: `${subject(culprit)} has lost its value by the end of the graph: its bytes are free again from step ${planned.end} of ${plan.nodeCount}.`,
    culprit,
    value: `free again from step ${planned.end} of ${plan.nodeCount}`,
    limit: 'an output, or an immediate tensor',
    remedy: 'Mark it with setOutput before planning.',
  });
}
