/**
 * From the messages of a file to the model as plain data: named lists, elements of small constants, bytes of weights.
 *
 * Invariant: every constant has a type and a shape that there are.
 */
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
import type {
  AttributeMessage,
  FunctionMessage,
  GraphMessage,
  ModelMessage,
  NodeMessage,
  TensorMessage,
  ValueMessage,
} from './message-types.js';
import { readModel } from './messages.js';
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

/** @throws PlannerError `BAD_ONNX` */
export function decode(bytes: Uint8Array, name: string): Decoded {
  let model: ModelMessage;
  try {
    model = readModel(bytes);
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

  model({ irVersion, producer, opsets, graph, functions }: ModelMessage): Decoded {
    if (graph === null) {
      throw badOnnx(`${named(this.#name)} has no graph.`, this.#name, 'without a graph', 'a model with a graph');
    }
    const decoded = {
      irVersion,
      producer,
      opsets: opsetsOf(opsets),
      graph: this.#graph(graph),
      functions: functions.map((each) => this.#function(each)),
    };
    return { ...decoded, tensors: this.#tensors, nodeCount: this.#nodeCount };
  }

  #graph(graph: GraphMessage): OnnxGraph {
    const values = [...graph.values, ...graph.outputs].map((value) => this.#value(value));
    const sparse = graph.sparse.flatMap(({ values: elements, dims }) => {
      return elements === null ? [] : [this.#tensor(elements, dims)];
    });
    return {
      name: graph.name,
      nodes: graph.nodes.map((node) => this.#node(node)),
      inputs: graph.inputs.map((value) => this.#value(value)),
      outputs: graph.outputs.map((value) => this.#value(value)),
      initializers: [...graph.initializers.map((tensor) => this.#tensor(tensor)), ...sparse],
      values: new Map(values.map((value) => [value.name, value])),
    };
  }

  #function({ name, domain, inputs, outputs, nodes, attributes, opsets }: FunctionMessage): OnnxFunction {
    return {
      op: name,
      domain: ownDomain(domain),
      inputs,
      outputs,
      nodes: nodes.map((each) => this.#node(each)),
      attributes: this.#attributes(attributes),
      opsets: opsetsOf(opsets),
    };
  }

  #node({ name, op, domain, inputs, outputs, attributes }: NodeMessage): OnnxNode {
    this.#nodeCount++;
    return { name, op, domain: ownDomain(domain), inputs, outputs, attributes: this.#attributes(attributes) };
  }

  #attributes(attributes: readonly AttributeMessage[]): Record<string, OnnxAttribute> {
    const named = Object.create(null) as Record<string, OnnxAttribute>;
    for (const attribute of attributes) named[attribute.name] = this.#attribute(attribute);
    return named;
  }

  /** By its type, or, in files of the first versions that state none, by what is there. */
  #attribute(attribute: AttributeMessage): OnnxAttribute {
    const { refersTo, isCut, t, g, sparse, floats, ints, strings, graphs, type } = attribute;
    if (refersTo !== '') return { refersTo };
    if (isCut) return null;
    if (t !== null) return this.#tensor(t);
    if (g !== null) return this.#graph(g);
    if (sparse !== null && sparse.values !== null) return this.#tensor(sparse.values, sparse.dims);
    for (const tensor of attribute.tensors) this.#tensor(tensor);
    const kind = type === 0 ? (ATTRIBUTE_TYPES.find((each) => each.isThere(attribute))?.type ?? 0) : type;
    switch (kind) {
      case 1:
        return attribute.f;
      case 2:
        return attribute.i;
      case 3:
        return attribute.s;
      case 6:
        return floats;
      case 7:
        return ints;
      case 8:
        return strings;
      case 10:
        return graphs.map((each) => this.#graph(each));
      default:
        return null;
    }
  }

  #tensor(tensor: TensorMessage, shape: readonly number[] = tensor.dims): OnnxTensor {
    const type = typeOfNumber(tensor.dataType);
    const culprit = tensor.name === '' ? 'constant without a name' : tensor.name;
    if (type === undefined) {
      const found = `element type ${tensor.dataType}`;
      throw badOnnx(`${named(culprit)} has ${found}, which ONNX does not have.`, culprit, found, 'a type of ONNX');
    }
    if (!shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0)) {
      const found = `[${shape.join(', ')}]`;
      const limit = 'lengths from 0 to 2^53 - 1';
      throw badOnnx(`${named(culprit)} has the shape ${found}, but needs ${limit}.`, culprit, found, limit);
    }
    const isExternal = tensor.location === 1;
    const isWhole = !isExternal && !tensor.isCut && shape === tensor.dims;
    const made: OnnxTensor = {
      name: tensor.name,
      type,
      shape,
      data: isWhole ? elementsOf(tensor, type, shape) : null,
      file: isExternal ? (tensor.external.find(([key]) => key === 'location')?.[1] ?? '') : null,
      bytes: checkBytes(packedBytes(type, elementCount({ shape })), culprit),
    };
    this.#tensors.push(made);
    return made;
  }

  #value({ name, elementType, dims }: ValueMessage): OnnxValue {
    if (elementType === null) return { name, type: null, dims: null };
    const open = (dim: OnnxDim): OnnxDim => (dim === '' || (typeof dim === 'number' && dim < 0) ? null : dim);
    return { name, type: typeOfNumber(elementType) ?? null, dims: dims?.map(open) ?? null };
  }
}

const ATTRIBUTE_TYPES: readonly {
  readonly type: number;
  readonly isThere: (attribute: AttributeMessage) => boolean;
}[] = [
  { type: 7, isThere: ({ ints }) => ints.length > 0 },
  { type: 6, isThere: ({ floats }) => floats.length > 0 },
  { type: 8, isThere: ({ strings }) => strings.length > 0 },
  { type: 10, isThere: ({ graphs }) => graphs.length > 0 },
  { type: 3, isThere: ({ s }) => s !== '' },
  { type: 1, isThere: ({ f }) => f !== 0 },
  { type: 2, isThere: () => true },
];

/** `ai.onnx` is another name of ONNX's own domain. */
function ownDomain(domain: string): string {
  return domain === 'ai.onnx' ? '' : domain;
}

function opsetsOf(imports: readonly (readonly [string, number])[]): Record<string, number> {
  const opsets = Object.create(null) as Record<string, number>;
  for (const [domain, version] of imports) opsets[ownDomain(domain)] = version;
  return opsets;
}
