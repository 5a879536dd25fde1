/**
 * The tensors of a graph that runs, as they are listed one by one, and what is known of each: in flat lists, as there is
 * an entry for every tensor.
 */
import type { Tensor } from '../tensor/tensor.js';

/** Leafs or nodes. The lists have one entry for each tensor. */
export class Listing {
  readonly tensors: Tensor[] = [];
  readonly devices: number[] = [];
  /** Ids of the tensors of the given graph that they stand for. */
  readonly standsFor: number[] = [];

  add(tensor: Tensor, device: number, standsFor: number): void {
    this.tensors.push(tensor);
    this.devices.push(device);
    this.standsFor.push(standsFor);
  }
}

/** The numbers of the leafs, then those of the nodes: by id in the graph that runs. */
export function columnOf(ofLeafs: readonly number[], ofNodes: readonly number[]): Int32Array {
  const column = new Int32Array(ofLeafs.length + ofNodes.length);
  column.set(ofLeafs);
  column.set(ofNodes, ofLeafs.length);
  return column;
}
