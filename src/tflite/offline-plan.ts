/**
 * A plan within a TFLite file, as TensorFlow Lite Micro reads it: the metadata `OfflineMemoryAllocation` holds an offset
 * for each tensor, or -1 where the runtime is to choose.
 *
 * Invariant: the rest of the file is as it was, byte for byte, behind what is put before it. Nothing else changes, since
 * all references of a flatbuffer count from where they stand.
 *
 *     | root | TFL3 | model | buffers | metadata | new buffer | … the old file, with its references |
 */
import { checkArgument, named, PlannerError } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import type { Plan } from '../plan/plan.js';
import { alignUp } from '../units.js';
import { checkModel, sourceOf } from './graph-from-tflite.js';
import type { TfliteModel } from './model.js';
import { prependModel } from './prepend.js';

/** The name of the metadata that TensorFlow Lite Micro looks for. */
const METADATA = 'OfflineMemoryAllocation';
const VERSION = 1;
/** Stands for a tensor whose place the runtime chooses. */
const ONLINE = -1;
const MOST_OFFSET = 2 ** 31 - 1;

/** The offsets that a file holds. */
export interface OfflinePlan {
  /** For each subgraph the offset of each tensor in bytes, -1 where the runtime chooses. */
  readonly offsets: readonly (readonly number[])[];
}

/**
 * The plan that a file holds; null if it has none.
 *
 * @throws PlannerError `BAD_TFLITE` if it does not fit the model, as TensorFlow Lite Micro would find; `BAD_ARGUMENT`
 */
export function readOfflinePlan(model: TfliteModel): OfflinePlan | null {
  checkModel(model);
  const entry = model.metadata.findLast(({ name }) => name === METADATA);
  if (entry === undefined) return null;
  const bytes = model.bufferBytes(entry.buffer) ?? new Uint8Array();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const counts = model.subgraphs.map(({ tensors }) => tensors.length);
  const count = counts.reduce((sum, each) => sum + each, 0);
  const found = bytes.length < 12 ? NaN : view.getInt32(8, true);
  if (found !== count || bytes.length < 12 + 4 * count) {
    const limit = `offsets of ${count} tensors`;
    throw new PlannerError('BAD_TFLITE', {
      message: `The metadata ${METADATA} of ${named(model.name)} has offsets of ${found} tensors in ${bytes.length} bytes, but the model has ${count}.`,
      culprit: METADATA,
      value: found,
      limit,
      remedy: 'Write the plan again with writeOfflinePlan.',
    });
  }
  let next = 12;
  const offsets = counts.map((each) => Array.from({ length: each }, () => view.getInt32((next += 4) - 4, true)));
  return { offsets };
}

/**
 * The offset of each tensor by a plan, as {@link OfflinePlan}.
 *
 * @param plan of a graph that `graphFromTflite` made, with one chunk
 * @throws PlannerError `BAD_ARGUMENT`, also where TensorFlow Lite Micro cannot do as the plan says: several chunks, an
 * offset above 2^31 - 1, a tensor with two offsets since its subgraph runs twice
 */
export function offlinePlanOf(plan: Plan): OfflinePlan {
  const { model, places } = sourceOf(graphOf(plan));
  const isOne = plan.chunks.length <= 1;
  checkArgument(isOne, 'chunks of the plan', plan.chunks.length, 'one', 'Plan without maxChunkSize and pools.');
  const isSmall = plan.bufferSize <= MOST_OFFSET;
  checkArgument(isSmall, 'bufferSize', plan.bufferSize, `at most ${MOST_OFFSET}`, 'The format has 32-bit offsets.');
  const offsets = model.subgraphs.map(({ tensors }) => new Array<number>(tensors.length).fill(ONLINE));
  for (const [tensor, { subgraph, tensor: index }] of places) {
    if (tensor.root.memory !== 'deferred' || tensor.byteLength === 0) continue;
    const { offset } = plan.locate(tensor);
    const isFree = offsets[subgraph]?.[index] === ONLINE || offsets[subgraph]?.[index] === offset;
    const remedy = 'A subgraph that runs twice cannot be exported.';
    checkArgument(
      isFree,
      `offset of ${tensor.label}`,
      offset,
      `${offsets[subgraph]?.[index]}, as in another run`,
      remedy,
    );
    offsets[subgraph][index] = offset;
  }
  return { offsets };
}

/**
 * The bytes of a file with a plan in its metadata, which TensorFlow Lite Micro follows: its arena then needs
 * `plan.bufferSize` bytes for tensors. A plan that the file had before is replaced. O(file).
 *
 * Its kernels must bear what the plan does: with the convention `tflite-micro`, a result of `RESHAPE` lies where its
 * operand lies, and with `reuse: 'full'`, element-wise results overwrite an operand, which portable kernels do and
 * vendors' kernels may not. Plan with `reuse: 'off'` for kernels that you do not know.
 *
 * @param plan of a graph that `graphFromTflite` made, with one chunk
 * @throws PlannerError `BAD_ARGUMENT` as {@link offlinePlanOf}, `BAD_TFLITE`
 * @example
 * ```ts
 * import { planGraph } from 'tensor-arena';
 * import { graphFromTflite, readTflite, writeOfflinePlan } from 'tensor-arena/tflite';
 * const model = await readTflite('examples/audio-preprocessor.tflite');
 * const plan = planGraph(graphFromTflite(model), { alignment: 16, reuse: 'off', runtime: 'none' });
 * console.log(writeOfflinePlan(plan).length - model.file.length); // bytes of the plan
 * ```
 */
export function writeOfflinePlan(plan: Plan): Uint8Array<ArrayBuffer> {
  const { offsets } = offlinePlanOf(plan);
  const flat = offsets.flat();
  const data = new DataView(new ArrayBuffer(alignUp(12 + 4 * flat.length, 16)));
  [VERSION, offsets.length, flat.length, ...flat].forEach((value, index) => data.setInt32(4 * index, value, true));
  const content = new Uint8Array(data.buffer, 0, 12 + 4 * flat.length);
  return prependModel(sourceOf(plan.graph).model.file, METADATA, content);
}

function graphOf(plan: Plan): Graph {
  const { graph } = (plan ?? {}) as Partial<Plan>;
  checkArgument(graph !== undefined, 'plan', plan, 'a Plan', 'Make one with planGraph.');
  return graph;
}
