/**
 * The messages of an ONNX file that shapes and sizes depend on, field by field. The only module that uses
 * `@bufbuild/protobuf`, whose reader knows the wire format.
 *
 * Invariant: reads only what `skim` has copied, whose size and depth are bounded. Integers of 64 bits are rounded beyond
 * 2^53. A field of another kind than ONNX says is an error.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

import type {
  AttributeMessage,
  FunctionMessage,
  GraphMessage,
  ModelMessage,
  NodeMessage,
  SparseMessage,
  TensorMessage,
  ValueMessage,
} from './message-types.js';

/** Takes over one field. */
type Take<T> = (into: T, reader: BinaryReader, wire: WireType) => void;
type Fields<T> = Readonly<Record<number, Take<T>>>;

function read<T>(reader: BinaryReader, length: number, into: T, fields: Fields<T>): T {
  const end = reader.pos + length;
  while (reader.pos < end) {
    const [field, wire] = reader.tag();
    const take = fields[field] as Take<T> | undefined;
    if (take === undefined) reader.skip(wire, field);
    else take(into, reader, wire);
  }
  return into;
}

const int64 = (reader: BinaryReader): number => Number(reader.int64());
const uint64 = (reader: BinaryReader): number => Number(reader.uint64());
const int32 = (reader: BinaryReader): number => reader.int32();
const float = (reader: BinaryReader): number => reader.float();
const double = (reader: BinaryReader): number => reader.double();

/** Numbers one by one, or packed into one field. */
function numbers(list: number[], reader: BinaryReader, wire: WireType, next: (reader: BinaryReader) => number): void {
  if (wire !== WireType.LengthDelimited) {
    list.push(next(reader));
    return;
  }
  const length = reader.uint32();
  for (const end = reader.pos + length; reader.pos < end;) list.push(next(reader));
}

const TENSOR: Fields<TensorMessage> = {
  1: (into, reader, wire) => numbers(into.dims, reader, wire, int64),
  2: (into, reader) => (into.dataType = reader.int32()),
  4: (into, reader, wire) => numbers(into.floats, reader, wire, float),
  5: (into, reader, wire) => numbers(into.int32s, reader, wire, int32),
  7: (into, reader, wire) => numbers(into.int64s, reader, wire, int64),
  8: (into, reader) => (into.name = reader.string()),
  9: (into, reader) => (into.raw = reader.bytes()),
  10: (into, reader, wire) => numbers(into.doubles, reader, wire, double),
  11: (into, reader, wire) => numbers(into.uint64s, reader, wire, uint64),
  12: (into, reader) => (into.isCut = reader.string() !== ''),
  13: (into, reader) => into.external.push(pair(reader, (value) => value.string())),
  14: (into, reader) => (into.location = reader.int32()),
};

const NO_BYTES = new Uint8Array(0);

function tensor(reader: BinaryReader): TensorMessage {
  const into: TensorMessage = {
    dims: [],
    dataType: 0,
    name: '',
    floats: [],
    int32s: [],
    int64s: [],
    doubles: [],
    uint64s: [],
    raw: NO_BYTES,
    external: [],
    location: 0,
    isCut: false,
  };
  return read(reader, reader.uint32(), into, TENSOR);
}

/** A message of a text and one other field. */
function pair<V>(reader: BinaryReader, second: (reader: BinaryReader) => V): [string, V] {
  const into: { first: string; second: V | null } = { first: '', second: null };
  read(reader, reader.uint32(), into, {
    1: (each, value) => (each.first = value.string()),
    2: (each, value) => (each.second = second(value)),
  });
  return [into.first, into.second as V];
}

function sparse(reader: BinaryReader): SparseMessage {
  return read<SparseMessage>(
    reader,
    reader.uint32(),
    { values: null, dims: [] },
    {
      1: (into, value) => (into.values = tensor(value)),
      3: (into, value, wire) => numbers(into.dims, value, wire, int64),
    },
  );
}

const utf8 = new TextDecoder();

const ATTRIBUTE: Fields<AttributeMessage> = {
  1: (into, reader) => (into.name = reader.string()),
  2: (into, reader) => (into.f = reader.float()),
  3: (into, reader) => (into.i = int64(reader)),
  4: (into, reader) => (into.s = utf8.decode(reader.bytes())),
  5: (into, reader) => (into.t = tensor(reader)),
  6: (into, reader) => (into.g = graph(reader)),
  7: (into, reader, wire) => numbers(into.floats, reader, wire, float),
  8: (into, reader, wire) => numbers(into.ints, reader, wire, int64),
  9: (into, reader) => into.strings.push(utf8.decode(reader.bytes())),
  10: (into, reader) => into.tensors.push(tensor(reader)),
  11: (into, reader) => into.graphs.push(graph(reader)),
  13: (into, reader) => (into.isCut = reader.string() !== ''),
  20: (into, reader) => (into.type = reader.int32()),
  21: (into, reader) => (into.refersTo = reader.string()),
  22: (into, reader) => (into.sparse = sparse(reader)),
};

function attribute(reader: BinaryReader): AttributeMessage {
  const into: AttributeMessage = {
    name: '',
    refersTo: '',
    type: 0,
    f: 0,
    i: 0,
    s: '',
    t: null,
    g: null,
    sparse: null,
    floats: [],
    ints: [],
    strings: [],
    tensors: [],
    graphs: [],
    isCut: false,
  };
  return read(reader, reader.uint32(), into, ATTRIBUTE);
}

const NODE: Fields<NodeMessage> = {
  1: (into, reader) => into.inputs.push(reader.string()),
  2: (into, reader) => into.outputs.push(reader.string()),
  3: (into, reader) => (into.name = reader.string()),
  4: (into, reader) => (into.op = reader.string()),
  5: (into, reader) => into.attributes.push(attribute(reader)),
  7: (into, reader) => (into.domain = reader.string()),
};

function node(reader: BinaryReader): NodeMessage {
  const into: NodeMessage = { name: '', op: '', domain: '', inputs: [], outputs: [], attributes: [] };
  return read(reader, reader.uint32(), into, NODE);
}

const DIM: Fields<{ dim: number | string | null }> = {
  1: (into, reader) => (into.dim = int64(reader)),
  2: (into, reader) => (into.dim = reader.string()),
};

const SHAPE: Fields<(number | string | null)[]> = {
  1: (into, reader) => into.push(read(reader, reader.uint32(), { dim: null }, DIM).dim),
};

/** A dense tensor or a sparse one. */
const TENSOR_TYPE: Fields<ValueMessage> = {
  1: (into, reader) => (into.elementType = reader.int32()),
  2: (into, reader) => (into.dims = read(reader, reader.uint32(), [] as (number | string | null)[], SHAPE)),
};
const TYPE: Fields<ValueMessage> = {
  1: (into, reader) => read(reader, reader.uint32(), into, TENSOR_TYPE),
  8: (into, reader) => read(reader, reader.uint32(), into, TENSOR_TYPE),
};
const VALUE: Fields<ValueMessage> = {
  1: (into, reader) => (into.name = reader.string()),
  2: (into, reader) => read(reader, reader.uint32(), into, TYPE),
};

function value(reader: BinaryReader): ValueMessage {
  return read<ValueMessage>(reader, reader.uint32(), { name: '', elementType: null, dims: null }, VALUE);
}

const GRAPH: Fields<GraphMessage> = {
  1: (into, reader) => into.nodes.push(node(reader)),
  2: (into, reader) => (into.name = reader.string()),
  5: (into, reader) => into.initializers.push(tensor(reader)),
  11: (into, reader) => into.inputs.push(value(reader)),
  12: (into, reader) => into.outputs.push(value(reader)),
  13: (into, reader) => into.values.push(value(reader)),
  15: (into, reader) => into.sparse.push(sparse(reader)),
};

function graph(reader: BinaryReader): GraphMessage {
  const into: GraphMessage = { name: '', nodes: [], initializers: [], sparse: [], inputs: [], outputs: [], values: [] };
  return read(reader, reader.uint32(), into, GRAPH);
}

const FUNCTION: Fields<FunctionMessage> = {
  1: (into, reader) => (into.name = reader.string()),
  4: (into, reader) => into.inputs.push(reader.string()),
  5: (into, reader) => into.outputs.push(reader.string()),
  7: (into, reader) => into.nodes.push(node(reader)),
  9: (into, reader) => into.opsets.push(pair(reader, int64)),
  10: (into, reader) => (into.domain = reader.string()),
  11: (into, reader) => into.attributes.push(attribute(reader)),
};

const MODEL: Fields<ModelMessage> = {
  1: (into, reader) => (into.irVersion = int64(reader)),
  2: (into, reader) => (into.producer = reader.string()),
  7: (into, reader) => (into.graph = graph(reader)),
  8: (into, reader) => into.opsets.push(pair(reader, int64)),
  25: (into, reader) => into.functions.push(functionOf(reader)),
};

function functionOf(reader: BinaryReader): FunctionMessage {
  const into: FunctionMessage = {
    name: '',
    domain: '',
    inputs: [],
    outputs: [],
    nodes: [],
    attributes: [],
    opsets: [],
  };
  return read(reader, reader.uint32(), into, FUNCTION);
}

/** @throws Error of the reader, if the bytes are no such message */
export function readModel(bytes: Uint8Array): ModelMessage {
  const into: ModelMessage = { irVersion: 0, producer: '', opsets: [], graph: null, functions: [] };
  return read(new BinaryReader(bytes), bytes.byteLength, into, MODEL);
}
