/**
 * The only module that uses `onnx-buf`: decodes a skimmed model into plain data.
 *
 * Invariant: the decoder sees only what `skim` has copied, whose size and depth are bounded.
 */
import { fromBinary } from '@bufbuild/protobuf';
import {
  ModelProtoSchema,
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from 'onnx-buf';
import { packedBytes, typeOfNumber } from '../dialects/onnx/element-types.js';
import type {
  OnnxAttribute,
  OnnxDim,
  OnnxFunction,
  OnnxGraph,
  OnnxNode,
  OnnxTensor,
  OnnxValue,
} from '../dialects/onnx/model.js';
import { named } from '../errors.js';
import { elementCount } from '../tensor/layout.js';
import { checkBytes } from '../units.js';
import { badOnnx } from './file-bytes.js';
import { elementsOf } from './tensor-data.js';

/** A decoded file. */
export interface Decoded {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: Readonly<Record<string, number>>;
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
  /** Every constant: initialisers and those of nodes, of nested graphs as well. */
  readonly tensors: readonly OnnxTensor[];
  /** Nodes, those of nested graphs and functions among them. */
  readonly nodeCount: number;
}

const utf8 = new TextDecoder();

/** @throws PlannerError `BAD_ONNX` */
export function decode(bytes: Uint8Array, name: string): Decoded {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    const { message } = error as Error;
    throw badOnnx(`${named(name)} cannot be decoded: ${message}.`, name, message, 'an ONNX model');
  }
  return new Decoder(name).model(model);
}

class Decoder {
  readonly #name: string;
  readonly #tensors: OnnxTensor[] = [];
  #nodeCount = 0;

  constructor(name: string) {
    this.#name = name;
  }

  model({ irVersion, producerName, opsetImport, graph, functions }: ModelProto): Decoded {
    if (graph === undefined) {
      throw badOnnx(`${named(this.#name)} has no graph.`, this.#name, 'without a graph', 'a model with a graph');
    }
    const decoded = {
      irVersion: Number(irVersion),
      producer: producerName,
      opsets: opsetsOf(opsetImport),
      graph: this.#graph(graph),
      functions: functions.map((each) => this.#function(each)),
    };
    return { ...decoded, tensors: this.#tensors, nodeCount: this.#nodeCount };
  }

  #graph(graph: GraphProto): OnnxGraph {
    const values = [...graph.valueInfo, ...graph.output].map((value) => this.#value(value));
    const sparse = graph.sparseInitializer.flatMap(({ values: elements, dims }) => {
      return elements === undefined ? [] : [this.#tensor(elements, dims)];
    });
    return {
      name: graph.name,
      nodes: graph.node.map((node) => this.#node(node)),
      inputs: graph.input.map((value) => this.#value(value)),
      outputs: graph.output.map((value) => this.#value(value)),
      initializers: [...graph.initializer.map((tensor) => this.#tensor(tensor)), ...sparse],
      values: new Map(values.map((value) => [value.name, value])),
    };
  }

  #function({ name, domain, input, output, node, attributeProto, opsetImport }: FunctionProto): OnnxFunction {
    return {
      op: name,
      domain: ownDomain(domain),
      inputs: input,
      outputs: output,
      nodes: node.map((each) => this.#node(each)),
      attributes: this.#attributes(attributeProto),
      opsets: opsetsOf(opsetImport),
    };
  }

  #node({ name, opType, domain, input, output, attribute }: NodeProto): OnnxNode {
    this.#nodeCount++;
    const attributes = this.#attributes(attribute);
    return { name, op: opType, domain: ownDomain(domain), inputs: input, outputs: output, attributes };
  }

  #attributes(attributes: readonly AttributeProto[]): Record<string, OnnxAttribute> {
    const named = Object.create(null) as Record<string, OnnxAttribute>;
    for (const attribute of attributes) named[attribute.name] = this.#attribute(attribute);
    return named;
  }

  /** By its type, or, in files of the first versions that state none, by what is there. */
  #attribute(attribute: AttributeProto): OnnxAttribute {
    const { refAttrName, docString, t, g, sparseTensor, ints, floats, strings, graphs, type } = attribute;
    if (refAttrName !== '') return { refersTo: refAttrName };
    // The mark of data that was left out.
    if (docString !== '') return null;
    if (t !== undefined) return this.#tensor(t);
    if (g !== undefined) return this.#graph(g);
    if (sparseTensor?.values !== undefined) return this.#tensor(sparseTensor.values, sparseTensor.dims);
    for (const tensor of attribute.tensors) this.#tensor(tensor);
    const kind = type === 0 ? (ATTRIBUTE_TYPES.find((each) => each.isThere(attribute))?.type ?? 0) : Number(type);
    switch (kind) {
      case 1:
        return attribute.f;
      case 2:
        return Number(attribute.i);
      case 3:
        return utf8.decode(attribute.s);
      case 6:
        return floats;
      case 7:
        return ints.map(Number);
      case 8:
        return strings.map((each) => utf8.decode(each));
      case 10:
        return graphs.map((each) => this.#graph(each));
      default:
        return null;
    }
  }

  #tensor(tensor: TensorProto, dims: readonly bigint[] = tensor.dims): OnnxTensor {
    const type = typeOfNumber(tensor.dataType);
    const culprit = tensor.name === '' ? 'constant without a name' : tensor.name;
    if (type === undefined) {
      const found = `element type ${tensor.dataType}`;
      throw badOnnx(`${named(culprit)} has ${found}, which ONNX does not have.`, culprit, found, 'a type of ONNX');
    }
    const shape = dims.map(Number);
    if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
      const found = `[${dims.join(', ')}]`;
      const limit = 'lengths from 0 to 2^53 - 1';
      throw badOnnx(`${named(culprit)} has the shape ${found}, but needs ${limit}.`, culprit, found, limit);
    }
    const isExternal = Number(tensor.dataLocation) === 1;
    const made: OnnxTensor = {
      name: tensor.name,
      type,
      shape,
      data: isExternal || tensor.docString !== '' || dims !== tensor.dims ? null : elementsOf(tensor, type, shape),
      file: isExternal ? (tensor.externalData.find(({ key }) => key === 'location')?.value ?? '') : null,
      bytes: checkBytes(packedBytes(type, elementCount({ shape })), culprit),
    };
    this.#tensors.push(made);
    return made;
  }

  #value({ name, type }: ValueInfoProto): OnnxValue {
    const { value } = type ?? {};
    if (value?.case !== 'tensorType' && value?.case !== 'sparseTensorType') return { name, type: null, dims: null };
    const { elemType, shape } = value.value;
    const dims = shape?.dim.map(({ value: dim }): OnnxDim => {
      if (dim.case === 'dimParam') return dim.value === '' ? null : dim.value;
      return dim.case === 'dimValue' && dim.value >= 0 ? Number(dim.value) : null;
    });
    return { name, type: typeOfNumber(elemType) ?? null, dims: dims ?? null };
  }
}

const ATTRIBUTE_TYPES: readonly { readonly type: number; readonly isThere: (attribute: AttributeProto) => boolean }[] = [
  { type: 7, isThere: ({ ints }) => ints.length > 0 },
  { type: 6, isThere: ({ floats }) => floats.length > 0 },
  { type: 8, isThere: ({ strings }) => strings.length > 0 },
  { type: 10, isThere: ({ graphs }) => graphs.length > 0 },
  { type: 3, isThere: ({ s }) => s.byteLength > 0 },
  { type: 1, isThere: ({ f }) => f !== 0 },
  { type: 2, isThere: () => true },
];

/** `ai.onnx` is another name of ONNX's own domain. */
function ownDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function opsetsOf(imports: ModelProto['opsetImport']): Record<string, number> {
  const opsets = Object.create(null) as Record<string, number>;
  for (const { domain, version } of imports) opsets[ownDomain(domain)] = Number(version);
  return opsets;
}
