/**
 * Runs a group of nodes at once, as a runtime may: part by part, with the results of all nodes but the last in
 * registers.
 *
 * pass 0 x[0] ──▶ norm ──▶ · w[0] ──▶ y[0] A plan that puts y[0] where x[1] is gets a wrong y[1]. Passes
 *     pass 1   x[1] ──▶ norm ──▶ · w[1] ──▶ y[1]      go forwards and backwards: a shift either way does harm.
 *
 * Invariant: a pass computes its results from the memory at its beginning, with the kernels that run nodes one by one.
 * So the bits are the same, unless a pass overwrites bytes that a later pass reads.
 */
import type { Tensor } from '../../tensor/tensor.js';
import type { Group } from '../../verify/fused-groups.js';
import { Elements } from './elements.js';
import { Call } from './kernels/kernel.js';
import { findKernel } from './kernels/kernels.js';
import type { Memory } from './memory.js';

export type PassOrder = 'first part first' | 'last part first';

/**
 * Most passes for one group. Each pass computes everything again and keeps its parts; large results have several parts
 * in a pass.
 */
const MOST_PASSES = 64;

/** The groups in rounds: no two groups of a round have a node in common, and each group is in one round. */
export function roundsOf(groups: readonly Group[]): Group[][] {
  const rounds: { taken: Set<Tensor>; groups: Group[] }[] = [];
  for (const group of groups) {
    let round = rounds.find(({ taken }) => !group.nodes.some((node) => taken.has(node)));
    if (round === undefined) rounds.push((round = { taken: new Set(), groups: [] }));
    round.groups.push(group);
    for (const node of group.nodes) round.taken.add(node);
  }
  return rounds.map((round) => round.groups);
}

/** Runs the nodes of a group at once. */
export function executeGroup({ nodes, orders }: Group, memory: Memory, passOrder: PassOrder): void {
  const last = nodes[nodes.length - 1];
  const registers = new Map(nodes.map((node) => [node, registersOf(node, memory)]));
  const elements = (tensor: Tensor): Elements => registers.get(tensor) ?? memory.elements(tensor);
  const calls = nodes.map((node) => {
    const sources = node.sources.map((source) => {
      return source === null ? null : source === node ? memory.elements(node) : elements(source);
    });
    return { kernel: findKernel(node.operation!)!, call: new Call(node, registers.get(node)!, sources) };
  });
  const result = registers.get(last)!;
  const target = memory.elements(last);
  const parts = partsOf(result, orders.includes('row'));
  if (passOrder === 'last part first') parts.reverse();
  const partsOfPass = Math.ceil(parts.length / MOST_PASSES);
  for (let first = 0; first < parts.length; first += partsOfPass) {
    for (const { kernel, call } of calls) kernel(call);
    for (const part of parts.slice(first, first + partsOfPass)) {
      for (const [i0, i1, i2, i3] of part) target.set(result.get(i0, i1, i2, i3), i0, i1, i2, i3);
    }
  }
  memory.poisonTail(last);
}

type Index = readonly [number, number, number, number];

/** The indices of each row, or of each element alone. */
function partsOf(elements: Elements, isByRow: boolean): Index[][] {
  const parts: Index[][] = [];
  elements.forEachRow((i1, i2, i3) => {
    const row = Array.from({ length: elements.ne[0] }, (_, i0): Index => [i0, i1, i2, i3]);
    if (isByRow) parts.push(row);
    else for (const index of row) parts.push([index]);
  });
  return parts;
}

/** Elements with the layout of a tensor, in bytes of their own: a copy of the tensor's storage as it is now. */
function registersOf(tensor: Tensor, memory: Memory): Elements {
  return new Elements(tensor, memory.storage(tensor).slice(), tensor.viewOffset);
}
