/**
 * Where nodes are while shapes are inferred, and what those who know some kinds of node ask of the walk over all.
 */
import { PlannerError } from '../errors.js';
import type { Known, Outcome } from '../dialects/onnx/call.js';
import type { OnnxGraph, OnnxNode } from '../dialects/onnx/model.js';
import type { Operation } from '../tensor/operation.js';
import type { Body, Scope, Step, Value } from './values.js';

/** Where nodes are: what they can read, and the versions of their operations. */
export interface Surroundings {
  readonly scope: Scope;
  /** The nodes, as far as they are inferred. */
  readonly steps: Step[];
  readonly opsets: Readonly<Record<string, number>>;
  /** What the file says of values by name; null in a function. */
  readonly graph: OnnxGraph | null;
  /** Functions and bodies that it lies in. */
  readonly depth: number;
}

/** The walk over the nodes of a model. */
export interface Infers {
  /** Infers a graph within a node. `inputs`: what each run of it is given, in its order. */
  body(graph: OnnxGraph, inputs: readonly Known[], around: Surroundings, label: string): Body;
  /** Gives the results of a node their shapes, and adds it to the steps. */
  finish(
    node: OnnxNode,
    operation: Operation,
    inputs: readonly (Value | null)[],
    outcomes: readonly Outcome[],
    bodies: readonly Body[],
    around: Surroundings,
  ): void;
  /** A result whose shape is known, or bounded by what the caller or the file says. */
  known(node: OnnxNode, name: string, outcome: Outcome, around: Surroundings): Known;
}

export function badNode(label: string, fault: string, limit: string): PlannerError {
  const message = `The node ${label} ${fault}, but needs ${limit}.`;
  return new PlannerError('BAD_MODEL', {
    message,
    culprit: label,
    value: fault,
    limit,
    remedy: 'Export the model again.',
  });
}
