/**
 * Writes small ONNX models with a library that shares no code with the reader.
 */
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as Kind,
  ModelProtoSchema,
  type AttributeProtoSchema,
  type GraphProtoSchema,
  type ModelProtoSchema as ModelSchema,
  type TensorProtoSchema,
  type ValueInfoProtoSchema,
} from 'onnx-buf';

export type Dim = number | string;
type Attribute = number | string | readonly number[] | MessageInitShape<typeof GraphProtoSchema> | TensorOf;
type TensorOf = { readonly tensor: MessageInitShape<typeof TensorProtoSchema> };

/** `[op, inputs, outputs, attributes, domain]`, names apart by spaces; `_` stands for one that is left out. */
export type NodeRow = readonly [string, string, string, Readonly<Record<string, Attribute>>?, string?];

const names = (text: string): string[] =>
  text.split(' ').flatMap((name) => (name === '' ? [] : [name === '_' ? '' : name]));

export const FLOAT = 1;
export const INT64 = 7;

export function valueOf(
  name: string,
  dims: readonly Dim[],
  elemType = FLOAT,
): MessageInitShape<typeof ValueInfoProtoSchema> {
  const dim = dims.map((each) => ({
    value:
      typeof each === 'string'
        ? { case: 'dimParam' as const, value: each }
        : { case: 'dimValue' as const, value: BigInt(each) },
  }));
  return { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } };
}

export function ints(
  name: string,
  values: readonly number[],
  dims = [values.length],
): MessageInitShape<typeof TensorProtoSchema> {
  return { name, dataType: INT64, dims: dims.map(BigInt), int64Data: values.map(BigInt) };
}

/** A weight whose bytes are zeros. */
export function weight(name: string, dims: readonly number[]): MessageInitShape<typeof TensorProtoSchema> {
  const count = dims.reduce((a, b) => a * b, 1);
  return { name, dataType: FLOAT, dims: dims.map(BigInt), rawData: new Uint8Array(4 * count) };
}

function attributeOf(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'string') return { name, type: Kind.STRING, s: new TextEncoder().encode(value) };
  if (typeof value === 'number') {
    return Number.isInteger(value) ? { name, type: Kind.INT, i: BigInt(value) } : { name, type: Kind.FLOAT, f: value };
  }
  if (Array.isArray(value)) return { name, type: Kind.INTS, ints: (value as readonly number[]).map(BigInt) };
  if ('tensor' in value) return { name, type: Kind.TENSOR, t: value.tensor };
  return { name, type: Kind.GRAPH, g: value as MessageInitShape<typeof GraphProtoSchema> };
}

export function nodesOf(rows: readonly NodeRow[]): NonNullable<MessageInitShape<typeof GraphProtoSchema>['node']> {
  return rows.map(([opType, inputs, outputs, attributes = {}, domain = '']) => ({
    opType,
    domain,
    input: names(inputs),
    output: names(outputs),
    attribute: Object.entries(attributes).map(([name, value]) => attributeOf(name, value)),
  }));
}

type GraphInit = MessageInitShape<typeof GraphProtoSchema>;

export interface ModelRow extends Omit<GraphInit, 'node' | 'output' | '$typeName'> {
  readonly node: readonly NodeRow[];
  readonly outputs: string;
  readonly opset?: number;
  readonly more?: MessageInitShape<typeof ModelSchema>;
}

/** A graph of rows, for a model or as the body of a node. */
export function graphOf({ node, outputs, opset, more, ...rest }: ModelRow): GraphInit {
  void [opset, more];
  return { ...rest, node: nodesOf(node), output: names(outputs).map((name) => ({ name })) };
}

export function writeOnnx(row: ModelRow): Uint8Array {
  const { opset = 18, more } = row;
  const opsetImport = [
    { domain: '', version: BigInt(opset) },
    { domain: 'com.microsoft', version: 1n },
  ];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 9n, opsetImport, graph: graphOf(row), ...more } as MessageInitShape<
      typeof ModelSchema
    >),
  );
}
