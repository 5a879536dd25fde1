/**
 * What a pass makes of a graph.
 *
 * Invariant: says nothing of how the graph was changed, so that whoever checks a pass needs none of its code.
 */
import type { Slice } from '../tensor/slice.js';
import type { Graph } from './graph.js';

/** A graph that was made of another one, and where each of its tensors comes from. */
export interface Rewritten {
  readonly graph: Graph;
  /**
   * By the id of a tensor of `graph`: the id of the tensor of the old graph that it stands for, all of it or a part. -1 for a
   * tensor that the old graph has nothing like.
   */
  readonly origin: Int32Array;
  /**
   * By the id of a tensor of `graph`: the elements of its origin that it has, where these are not all; null for all. Left out
   * where no tensor is a part.
   */
  readonly slices?: readonly (Slice | null)[];
}
