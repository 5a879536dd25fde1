/**
 * Graph → graph JSON (`"format": "tensor-graph"`, version 2), and what its fields mean.
 *
 * Invariant: `graphToJson(graphFromJson(x))` says what `x` says, and equals it where `x` leaves out what says nothing:
 * flags that are false, empty lists of sources and settings, `external` of views, whose owner says it. Names are labels and need not be unique.
 */
import { checkArgument } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import { checkPoolOfEach, checkPools, type Pool, type Pools } from '../graph/pools.js';
import type { OperationParams, Tensor } from '../tensor/tensor.js';

/** One tensor of a graph file. Optional fields are left out where they are false or do not apply. */
export interface TensorJson {
  name: string;
  /**
   * The dialect's name of the operation; `NONE` for a leaf. A node may be `NONE` as well, as ggml's scheduler writes them: as a view
   * it only keeps its sources until then, and with bytes of its own it gets their values from outside at its step.
   */
  op: string;
  type: string;
  /** Element counts, innermost dimension first. Version 1: `ne`. */
  shape: number[];
  /** Byte strides, one per dimension. Version 1: `nb`. */
  strides: number[];
  /** Ids of the sources; -1 for an empty slot. */
  src?: number[];
  /** Id of the tensor that owns the storage. */
  view?: number;
  /** Bytes from the start of that storage. */
  viewOffset?: number;
  /** The memory lives outside the plan. */
  external?: boolean;
  input?: boolean;
  output?: boolean;
  /** Whether ggml lets the operation run in place. */
  inplace?: boolean;
  /** Source slots that the result may overwrite, where that is not what the operation table says. */
  overwrites?: number[];
  /** The tensor that the result is written straight into. */
  destination?: number;
  /** The operation's settings. */
  params?: OperationParams;
  /** Bytes from the first to one past the last element. Version 1: `nbytes`. */
  byteLength: number;
  /** Bytes that the device wants, if more than `byteLength`. */
  allocSize?: number;
  /** The memory that its storage lies in, an index of `pools`. Default 0. Only where the file has pools. */
  pool?: number;
}

/** A memory of a graph file. */
export interface GraphPoolJson {
  name: string;
  /** Bytes that every offset in it is a multiple of. */
  alignment: number;
  /** Most bytes of one chunk; left out without a limit. */
  maxChunkSize?: number;
}

/**
 * A graph file. It may have other fields (`meta`, `expected`), its tensors may not: they come back from the round trip and
 * change nothing.
 */
export interface GraphJson {
  format: 'tensor-graph';
  version: 2;
  /** Whose names the operations have. The library knows those of `ggml`; of others, the file says all that is known. */
  dialect: string;
  /** The memories that the storages lie in, where there are several. */
  pools?: GraphPoolJson[];
  tensors: TensorJson[];
  /** Ids of the tensors that are not computed. */
  leafs: number[];
  /** Ids of the computed tensors in execution order. */
  nodes: number[];
}

/**
 * The graph as plain data; ids are indices of `graph.tensors`. O(tensors + sources).
 *
 * @param pools the memories that the storages lie in, as `scheduleGraph` returns them. Default: those of the file that the
 * graph was read from; one memory if it says nothing
 * @throws PlannerError `BAD_ARGUMENT` if the operations are of several dialects, `DANGLING_TENSOR`
 */
export function graphToJson(graph: Graph, pools: Pools | null = (graph as Graph | null)?.pools ?? null): GraphJson {
  checkGraph(graph);
  if (pools !== null) {
    checkPools(pools);
    checkPoolOfEach(pools, graph.tensors.length);
  }
  const { tensors } = graph;
  const ids = new Map(tensors.map((tensor, id) => [tensor, id]));
  const idOf = (tensor: Tensor): number => ids.get(tensor)!;
  checkClosed(graph);
  return {
    ...graph.extras,
    format: 'tensor-graph',
    version: 2,
    dialect: dialectOfGraph(graph),
    ...(pools !== null && { pools: pools.list.map(poolToJson) }),
    tensors: tensors.map((tensor, id) => {
      const hasPool = pools !== null && pools.of[id] > 0 && !tensor.isView && tensor.memory === 'deferred';
      return { ...tensorToJson(tensor, graph, idOf), ...(hasPool && { pool: pools.of[id] }) };
    }),
    leafs: graph.leafs.map(idOf),
    nodes: graph.nodes.map(idOf),
  };
}

function poolToJson({ name, alignment, maxChunkSize }: Pool): GraphPoolJson {
  return { name, alignment, ...(maxChunkSize !== Infinity && { maxChunkSize }) };
}

/** The one dialect that all tensors are of; ggml's if there are none. */
function dialectOfGraph({ tensors }: Graph): string {
  const dialects = new Set(tensors.map(({ origin }) => origin.dialect));
  const [dialect = 'ggml'] = dialects;
  const found = [...dialects].join(' and ');
  checkArgument(dialects.size < 2, 'dialects of the graph', found, 'one', 'Write a graph file for each dialect.');
  return dialect;
}

/** Throws `DANGLING_TENSOR` for a tensor that refers to one outside the graph. */
function checkClosed(graph: Graph): void {
  void graph.table;
}

function tensorToJson(tensor: Tensor, graph: Graph, idOf: (tensor: Tensor) => number): TensorJson {
  const { name, op, operation, type, shape, strides, sources, params, root, allocSize, reuseRule, destination } =
    tensor;
  const overwrites = reuseRule?.operands;
  const isOwnRule = overwrites !== undefined && String(overwrites) !== String(operation?.overwrites ?? []);
  return {
    name,
    op,
    type: type.name,
    shape: [...shape],
    strides: [...strides],
    ...(root === tensor && tensor.memory !== 'deferred' && { external: true }),
    ...(graph.inputs.has(tensor) && { input: true }),
    ...(graph.outputs.has(tensor) && { output: true }),
    ...(sources.length > 0 && { src: sources.map((source) => (source === null ? -1 : idOf(source))) }),
    ...(root !== tensor && { view: idOf(root), viewOffset: tensor.viewOffset }),
    ...(destination !== null && { destination: idOf(destination) }),
    ...((reuseRule?.reusesAny ?? operation?.reusesAny ?? false) && { inplace: true }),
    ...(isOwnRule && { overwrites: [...overwrites] }),
    ...(Object.keys(params).length > 0 && { params: { ...params } }),
    byteLength: tensor.byteLength,
    ...(allocSize !== null && { allocSize }),
  };
}
