/**
 * What the messages of an ONNX file hold, under names of their own.
 */

export interface TensorMessage {
  dims: number[];
  dataType: number;
  name: string;
  floats: number[];
  int32s: number[];
  int64s: number[];
  doubles: number[];
  uint64s: number[];
  raw: Uint8Array;
  external: [key: string, value: string][];
  location: number;
  /** Whether data was left out of the copy. */
  isCut: boolean;
}

export interface SparseMessage {
  values: TensorMessage | null;
  dims: number[];
}

export interface AttributeMessage {
  name: string;
  refersTo: string;
  type: number;
  f: number;
  i: number;
  s: string;
  t: TensorMessage | null;
  g: GraphMessage | null;
  sparse: SparseMessage | null;
  floats: number[];
  ints: number[];
  strings: string[];
  tensors: TensorMessage[];
  graphs: GraphMessage[];
  /** Whether data was left out of the copy. */
  isCut: boolean;
}

export interface NodeMessage {
  name: string;
  op: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  attributes: AttributeMessage[];
}

export interface ValueMessage {
  name: string;
  /** Null for a list or a map. */
  elementType: number | null;
  /** Null if not even their number is stated. */
  dims: (number | string | null)[] | null;
}

export interface GraphMessage {
  name: string;
  nodes: NodeMessage[];
  initializers: TensorMessage[];
  sparse: SparseMessage[];
  inputs: ValueMessage[];
  outputs: ValueMessage[];
  values: ValueMessage[];
}

export interface FunctionMessage {
  name: string;
  domain: string;
  inputs: string[];
  outputs: string[];
  nodes: NodeMessage[];
  attributes: AttributeMessage[];
  opsets: [domain: string, version: number][];
}

export interface ModelMessage {
  irVersion: number;
  producer: string;
  opsets: [domain: string, version: number][];
  graph: GraphMessage | null;
  functions: FunctionMessage[];
}
