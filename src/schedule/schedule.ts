/**
 * A graph spread over devices: who computes each node, where the order is cut, and what is copied across the cuts.
 *
 *     CPU     ▐ embd ▌                              ▐ … ▌        A split is a run of nodes on one device. What it reads
 *     CUDA0          ▐ copy of embd, norm, mul ▌                 from memory that its device can't read is copied there
 *     CUDA1                                    ▐ copy, … ▌       once; later splits of the same device read the copy.
 */
import type { BufferType, Device } from '../device/device.js';
import type { Graph } from '../graph/graph.js';
import type { Pools } from '../graph/pools.js';
import type { Tensor } from '../tensor/tensor.js';

/** A way to choose the devices of nodes. */
export type SchedulePolicy = 'llama.cpp' | 'fewest-bytes';

/** What is decided before a graph is spread over devices. */
export interface ScheduleInput {
  readonly graph: Graph;
  /** In order of priority; the last one is the CPU, which computes what no other device can. */
  readonly devices: readonly Device[];
  /** The buffer type that the results of each device go to. Default: each device's own. */
  readonly bufferTypes: readonly BufferType[];
  /**
   * The buffer type of storages that exist already, such as weights and caches, by the tensor that owns the storage.
   * Default: none.
   */
  readonly placed: ReadonlyMap<Tensor, BufferType>;
  /** Which of `placed` are weights: a node goes where its weight is. Default: none. */
  readonly weights: ReadonlySet<Tensor>;
  /** Devices of nodes, by index, that are fixed. Default: none. */
  readonly pinned: ReadonlyMap<Tensor, number>;
  /** Whether a device may take nodes from the CPU whose weights are in host memory. Default true. */
  readonly offloadsOperations: boolean;
  /**
   * How devices are chosen: as llama.cpp chooses them, or so that the fewest bytes are copied between them; the time that
   * devices take plays no part in that. Default `llama.cpp`.
   */
  readonly policy: SchedulePolicy;
  /** How many copies of what crosses exist, so that batches overlap. Default 1: no pipeline. */
  readonly copyCount: number;
}

/** A run of nodes on one device. */
export interface Split {
  /** Index in `devices`. */
  readonly device: number;
  /** The nodes: steps `start` to `end` (exclusive) of the graph that was spread. */
  readonly start: number;
  readonly end: number;
  /** What is copied to the device before the split runs, in order; tensors of the graph that was spread. */
  readonly inputs: readonly Tensor[];
}

/** What a policy decides. */
export interface Assignment {
  /** Device of every tensor of the graph, by id; -1 for a leaf that nobody reads. */
  readonly deviceOf: Int32Array;
  readonly splits: readonly Split[];
  /** Inputs of the graph that exist once for each copy, on the device by id that reads them. Empty if `copyCount` is 1. */
  readonly graphInputs: readonly Tensor[];
}

/** A copy of a tensor on another device, or of a graph's input for a further batch. */
export interface Copy {
  readonly of: Tensor;
  readonly device: number;
  /** 0 for the first, which the nodes read; others are for further batches. */
  readonly index: number;
  /** The copy, a tensor of the graph that runs. */
  readonly tensor: Tensor;
  /** What is copied: the tensor that stands for `of` in the graph that runs. Null for an input that the caller fills. */
  readonly from: Tensor | null;
  /**
   * The node of the graph that runs at whose step the copy is made: the copy itself, or, where there are several, the node
   * that keeps the original until then. Null for an input that the caller fills.
   */
  readonly at: Tensor | null;
}

/** A graph spread over devices, ready to be planned. */
export interface Schedule {
  readonly devices: readonly Device[];
  /** The buffer type that the results of each device go to. Devices with the same one share a pool. */
  readonly bufferTypes: readonly BufferType[];
  readonly splits: readonly Split[];
  readonly copies: readonly Copy[];
  /** Bytes that one run copies between devices: those of the splits' inputs. */
  readonly copiedBytes: number;
  /**
   * The graph as it runs: a split's inputs, each kept alive by a node that only looks at it, and their copies, then the
   * split's nodes, whose operands are the copies where they cross.
   */
  readonly graph: Graph;
  /** Device of every tensor of `graph`, by id. */
  readonly deviceOf: Int32Array;
  /**
   * By id: the id, in the graph that was spread, of the tensor that each tensor of `graph` stands for. -1 for copies, and
   * for nodes that keep an original until it is copied.
   */
  readonly standsFor: Int32Array;
  /** The memories that `graph` is planned into: one for each buffer type, as an option of `planGraph`. */
  readonly pools: Pools;
}
