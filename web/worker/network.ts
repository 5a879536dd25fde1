/**
 * A network from an ONNX or TFLite file: what its weights take, and its graph for the lengths that its file leaves open.
 *
 * The readers load on demand: most visitors bring other files.
 */
import { type Graph, PlannerError, type PlanOptions } from 'tensor-arena';
import type { Dim } from '../messages.js';
import type { Settings } from '../settings.js';

/** Lengths by name. */
type Lengths = Readonly<Record<string, number>>;

export interface Network {
  readonly format: 'ONNX' | 'TFLite';
  readonly weightBytes: number;
  readonly weightCount: number;
  /** The lengths that the file leaves open, by name. */
  readonly openDims: readonly string[];
  /** How the network's own runtime plans. */
  readonly options: PlanOptions;
  /** @throws PlannerError */
  readonly graph: (lengths: Lengths) => Graph;
}

/** A batch has one item, and anything else this many, until the reader says otherwise. */
const USUAL_LENGTH = 128;
const BATCH = /batch|^n$|\.0$/i;

/** Each open length, and what it is with these settings. */
export function dimsOf({ openDims }: Network, { dims }: Settings): Dim[] {
  return openDims.map((name) => ({ name, length: dims[name] ?? (BATCH.test(name) ? 1 : USUAL_LENGTH) }));
}

/** The graph for the lengths of these settings. @throws PlannerError */
export function graphOf(network: Network, settings: Settings): Graph {
  return network.graph(Object.fromEntries(dimsOf(network, settings).map(({ name, length }) => [name, length])));
}

/** Whether an error says that the graph of a file cannot be understood, whatever its lengths are. */
export function isAboutFile({ openDims }: Network, error: unknown): error is PlannerError {
  const isKnown = error instanceof PlannerError && ['BAD_MODEL', 'UNKNOWN_OPERATION'].includes(error.code);
  return isKnown && (error.code === 'UNKNOWN_OPERATION' || openDims.length === 0);
}

/** @throws PlannerError */
export async function readNetwork(file: File): Promise<Network> {
  return file.name.toLowerCase().endsWith('.onnx') ? readOnnxNetwork(file) : readTfliteNetwork(file);
}

async function readOnnxNetwork(file: File): Promise<Network> {
  const { graphFromOnnx, openDims, readOnnx } = await import('tensor-arena/onnx');
  const model = await readOnnx(file);
  // Dimensions without a name are called by their input and place.
  const unnamed = model.inputs.filter(({ dims }) => dims?.includes(null));
  const placeName = (input: string, place: number): string => `${input}.${place}`;
  const unnamedDims = unnamed.flatMap(({ name, dims }) =>
    dims!.flatMap((dim, place) => (dim === null ? placeName(name, place) : [])),
  );
  return {
    format: 'ONNX',
    weightBytes: model.weights.bytes,
    weightCount: model.weights.count,
    openDims: [...openDims(model), ...unnamedDims],
    options: { alignment: 64, runtime: 'none' },
    graph: (lengths) => {
      const named = openDims(model).map((name) => [name, lengths[name]] as const);
      const inputs = unnamed.map(({ name, dims }) => {
        const lengthOf = (dim: string | null, place: number): number => lengths[dim ?? placeName(name, place)];
        return [name, dims!.map((dim, place) => (typeof dim === 'number' ? dim : lengthOf(dim, place)))] as const;
      });
      return graphFromOnnx(model, { dims: Object.fromEntries(named), inputs: Object.fromEntries(inputs) });
    },
  };
}

async function readTfliteNetwork(file: File): Promise<Network> {
  const { graphFromTflite, readTflite, TFLITE_CONVENTIONS } = await import('tensor-arena/tflite');
  const model = await readTflite(file);
  const { inputs, tensors } = model.subgraphs[0];
  const openDims = inputs.flatMap((id) => {
    const { name, shapeSignature } = tensors[id] ?? {};
    return (shapeSignature ?? []).flatMap((length, place) => (length === -1 ? `${name}.${place}` : []));
  });
  return {
    format: 'TFLite',
    weightBytes: model.weights.reduce((sum, { bytes }) => sum + bytes, 0),
    weightCount: model.weights.reduce((sum, { tensorCount }) => sum + tensorCount, 0),
    openDims,
    options: { alignment: TFLITE_CONVENTIONS['tflite-micro'].alignment, runtime: 'none' },
    graph: (dims) => graphFromTflite(model, { dims }),
  };
}
