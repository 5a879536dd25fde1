/**
 * The model of an ONNX file: its inputs, its graph and what its weights take. Weights themselves are never read.
 *
 * Invariant: the model is complete as far as its format goes. Whether its graph makes sense is for whoever builds it.
 */
import type { OnnxFunction, OnnxGraph, OnnxValue } from '../dialects/onnx/model.js';
import { named } from '../errors.js';
import { foreignFile } from '../gguf/foreign-file.js';
import { openRangeSource, type GgufSource } from '../gguf/range-source.js';
import { checkBytes } from '../units.js';
import { decode, type Decoded } from './decode.js';
import { badOnnx, FileBytes } from './file-bytes.js';
import { skim } from './skim.js';

/** A file as `readOnnx` takes it: a path, a `URL`, a `Blob` or `File`, or the bytes themselves, shared or not. */
export type OnnxSource = GgufSource;

/** What the constants of a model take. Bytes. */
export interface OnnxWeights {
  /** Constants, those of nested graphs among them. */
  readonly count: number;
  readonly bytes: number;
  /** Bytes by element type, the largest first. */
  readonly byType: Readonly<Record<string, number>>;
  /** Bytes that lie in files beside the model. */
  readonly externalBytes: number;
  /** Names of those files. */
  readonly externalFiles: readonly string[];
}

/** What an ONNX file says. Made by {@link readOnnx}. */
export interface OnnxModel {
  /** File name, for messages. */
  readonly name: string;
  readonly irVersion: number;
  /** The program that wrote the file; may be empty. */
  readonly producer: string;
  /** The version of each set of operations; ONNX's own has the name ''. */
  readonly opsets: Readonly<Record<string, number>>;
  /** What has to be given before a run: the inputs of the graph that are no weights. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Nodes, those of nested graphs and of functions among them. */
  readonly nodeCount: number;
  readonly weights: OnnxWeights;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
}

const FORMAT = { dataName: 'ONNX data', code: 'BAD_ONNX' } as const;

/**
 * Reads the model of an ONNX file. Weights are skipped: of a file of gigabytes some megabytes are kept. O(bytes of the
 * file besides its weights).
 *
 * @param source a local path, an http(s) URL, a `Blob` or `File`, or bytes
 * @throws PlannerError `BAD_ONNX`, `BYTES_TOO_LARGE`
 *
 * @example
 * ```ts
 * import { readOnnx } from 'tensor-arena/onnx';
 * const model = await readOnnx('examples/squeezenet.onnx');
 * console.log(model.opsets[''], model.nodeCount, model.inputs[0].dims); // 9, 105, [1, 3, 224, 224]
 * ```
 */
export async function readOnnx(source: OnnxSource): Promise<OnnxModel> {
  const file = new FileBytes(openRangeSource(source, FORMAT));
  const { name } = file;
  if ((await file.fill(1)) === 0) throw badOnnx(`${named(name)} is empty.`, name, 'empty', 'an ONNX model');
  const start = new Uint8Array(Math.min(file.ready, FIRST_BYTES));
  file.copy(start.byteLength, start, 0);
  file.position = 0;
  const foreign = foreignFile(start);
  if (foreign !== null && foreign.what !== 'an ONNX model') {
    const message = `${named(name)} looks like ${foreign.what}, not like an ONNX model.`;
    throw badOnnx(message, name, foreign.what, 'an ONNX model', 'Give the .onnx file itself.');
  }
  return modelOf(decode(await skim(file), name), name);
}

const FIRST_BYTES = 64;

function modelOf(decoded: Decoded, name: string): OnnxModel {
  const { graph, tensors, irVersion, producer, opsets, functions, nodeCount } = decoded;
  const constants = new Set(graph.initializers.map((tensor) => tensor.name));
  const inputs = graph.inputs.filter((input) => !constants.has(input.name));
  const { outputs } = graph;
  return {
    name,
    irVersion,
    producer,
    opsets,
    inputs,
    outputs,
    nodeCount,
    weights: weightsOf(tensors),
    graph,
    functions,
  };
}

function weightsOf(tensors: Decoded['tensors']): OnnxWeights {
  const byType = new Map<string, number>();
  const files = new Set<string>();
  let bytes = 0;
  let externalBytes = 0;
  for (const tensor of tensors) {
    bytes = checkBytes(bytes + tensor.bytes, 'weights');
    byType.set(tensor.type.name, (byType.get(tensor.type.name) ?? 0) + tensor.bytes);
    if (tensor.file === null) continue;
    externalBytes += tensor.bytes;
    files.add(tensor.file);
  }
  const sorted = [...byType].sort(([, a], [, b]) => b - a);
  return {
    count: tensors.length,
    bytes,
    byType: Object.fromEntries(sorted),
    externalBytes,
    externalFiles: [...files],
  };
}
