/**
 * What was measured of one file, as the table, the report and the JSON of the command line all read it.
 */
import type { Hazard } from '../liveness/hazards.js';
import { describeOutputs } from '../models/assumption.js';
import type { ModelMeasurement } from '../models/measure-model.js';
import { BACKEND } from './model-words.js';

/** What every kind of file has. All sizes in bytes. */
export interface MeasuredFile {
  /** As the user named it. */
  readonly file: string;
  /** Nodes of the graph; absent for a placement problem, which has none. */
  readonly nodes?: number;
  /** Storages that share the buffer. */
  readonly buffers: number;
  readonly bufferSize: number;
  readonly chunks: readonly number[];
  readonly lowerBound: number;
  readonly optimal: boolean;
  readonly allocator: string;
  /** Bytes; absent for a placement problem, whose buffers have their own. */
  readonly alignment?: number;
  readonly inPlace?: string;
  /** Only for a placement problem, and only if it has some: the bound holds with these alone. */
  readonly hasFixedOffsets?: true;
  /** Nodes that touch the same bytes in an order that no source states; absent if nobody asked. */
  readonly hazards?: readonly Hazard[];
  /** Only for a graph of a model file that says them: the type with the most bytes first. */
  readonly weights?: readonly WeightsOfType[];
  /** What runtimes of the file plan themselves, if anybody knows. */
  readonly runtimes?: readonly RuntimePlan[];
  /** Only for a graph that was measured for a whole box of lengths; its own sizes are those of the greatest. */
  readonly family?: MeasuredFamily;
  /** Only for a model. */
  readonly model?: ModelMeasurement;
}

/** One plan for all graphs of a box. */
export interface MeasuredFamily {
  readonly box: Readonly<Record<string, readonly [least: number, most: number]>>;
  /** What a plan of its own would take at each corner, in bytes. */
  readonly corners: readonly { readonly dims: Readonly<Record<string, number>>; readonly bufferSize: number }[];
}

/** The weights of one element type, in bytes. */
export interface WeightsOfType {
  readonly type: string;
  readonly bytes: number;
}

/** What the planner of a runtime needs for the same graph, in bytes. */
export interface RuntimePlan {
  readonly runtime: string;
  readonly bufferSize: number;
}

/** A model whose graph nobody here can build: all that is known. */
export interface UnknownModel {
  /** As the user named it. */
  readonly file: string;
  /** Null for a file that knows no architectures. */
  readonly unknownArchitecture: string | null;
  /** Why, as a sentence. Default: the architecture is unknown. */
  readonly reason?: string;
  /** Bytes. */
  readonly weights: number;
}

/** The plain data that `--json` prints for one file; null is unknown. */
export function measuredFileJson(measured: MeasuredFile | UnknownModel): object {
  if ('unknownArchitecture' in measured) {
    const { file, unknownArchitecture, reason, weights } = measured;
    const unknown = { nodes: null, buffers: null, bufferSize: null, context: null, compute: null, total: null };
    return { file, architecture: unknownArchitecture, reason, weights, ...unknown };
  }
  const { model, hazards, ...rest } = measured;
  const file = { ...rest, ...(hazards !== undefined && { hazards: hazards.map(hazardJson) }) };
  if (model === undefined) return file;
  const { architecture, phase, weights, context, compute, total, computeWithAuto, run } = model;
  const sizes = { weights, context, compute, total, computeWithAuto };
  const assumed = { program: run.program, outputs: run.maxOutputs, assumption: describeOutputs(run) };
  const { llamaCppBuild, llamaCppCommit } = model;
  return { ...file, architecture, phase, ...assumed, ...sizes, backend: BACKEND, llamaCppBuild, llamaCppCommit };
}

/** Tensors by their names. */
function hazardJson({ kind, writer, other, otherRunsFirst, tensor, missing }: Hazard): object {
  return { kind, writer: writer.name, other: other.name, otherRunsFirst, tensor: tensor.name, missing };
}
