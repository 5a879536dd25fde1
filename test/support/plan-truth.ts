/**
 * Which plans are wrong, by asking every node about every byte: slow, plain, and nothing of the checks in it.
 */
import type { Graph } from '../../src/graph/graph.js';
import { findOperation } from '../../src/dialects/ggml/operations.js';
import { sameLayout } from '../../src/tensor/layout.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import type { PlanLike } from '../../src/verify/plan-like.js';

/** A graph and a plan of it that may have been damaged. */
export interface Mutant {
  readonly graph: Graph;
  readonly plan: PlanLike;
}

/**
 * Steps at which each storage's bytes are needed, by asking every node in turn: the plainest liveness there is. A node's
 * own storage counts from its step on; what is read last by a node is needed up to and including that step.
 */
export function neededAt(graph: Graph): Map<Tensor, boolean[]> {
  const count = Math.max(1, graph.nodes.length);
  const needed = new Map<Tensor, boolean[]>();
  for (const owner of graph.tensors.filter((tensor) => !tensor.isView)) {
    const born = graph.leafs.includes(owner) || graph.inputs.has(owner) ? 0 : graph.nodes.indexOf(owner);
    const uses = graph.nodes.flatMap((node, step) => {
      return node.root === owner || node.sources.some((source) => source?.root === owner) ? [step] : [];
    });
    const last = isKept(graph, owner) ? count - 1 : Math.max(born, ...uses);
    needed.set(
      owner,
      Array.from({ length: count }, (_, step) => born <= step && step <= last),
    );
  }
  return needed;
}

/** Whether `young` is computed over `old` by an operation that may do so, and nobody needs `old` later. */
export function isLawful(graph: Graph, needed: boolean[], old: Tensor, young: Tensor): boolean {
  const step = graph.nodes.indexOf(young);
  const slots = [...young.sources.keys()].filter((slot) => young.sources[slot]?.root === old);
  if (slots.length === 0 || needed.lastIndexOf(true) !== step || isKept(graph, old)) return false;
  const overwrites = young.reuseRule?.operands ?? findOperation(young.op)!.overwrites;
  return slots.every((slot) => {
    const source = young.sources[slot]!;
    return overwrites.includes(slot) && source.viewOffset === 0 && sameLayout(source, young);
  });
}

/** Whether a storage holds an output, or something that nobody reads. */
export function isKept(graph: Graph, owner: Tensor): boolean {
  const read = new Set(
    graph.nodes.flatMap((node) => [...node.sources.filter((source) => source !== node), node.destination]),
  );
  return graph.tensors.some((each) => each.root === owner && (graph.outputs.has(each) || !read.has(each)));
}

/** Whether two storages that are needed at one step share bytes, unless one is lawfully computed over the other. */
export function hasConflict({ graph, plan }: Mutant): boolean {
  const needed = neededAt(graph);
  const entries = plan.tensors.filter(({ id }) => graph.tensors[id].byteLength > 0);
  return entries.some((x, i) =>
    entries.slice(i + 1).some((y) => {
      const [a, b] = [graph.tensors[x.id], graph.tensors[y.id]];
      const shares = x.chunk === y.chunk && x.offset < y.offset + b.byteLength && y.offset < x.offset + a.byteLength;
      const meets = needed.get(a)!.some((is, step) => is && needed.get(b)![step]);
      if (!shares || !meets) return false;
      const isSamePlace = x.offset === y.offset;
      return !(isSamePlace && (isLawful(graph, needed.get(a)!, a, b) || isLawful(graph, needed.get(b)!, b, a)));
    }),
  );
}

/** Whether `node` computes something from the bytes of `tensor`. */
export function reads(node: Tensor, tensor: Tensor): boolean {
  return findOperation(node.op)?.isView !== true && node !== tensor && node.sources.includes(tensor);
}

/** Whether `node` writes a part of `owner` after that has been computed. */
export function writesInto(node: Tensor, owner: Tensor): boolean {
  return node.isView && node.root === owner && findOperation(node.op)?.isView !== true;
}

/** Pairs of nodes, the earlier first, that touch the same bytes, one of them writing; byte by byte. */
export function accessesOfOneStorage(graph: Graph): [Tensor, Tensor][] {
  const isPureView = (node: Tensor): boolean => /^(VIEW|RESHAPE|PERMUTE|TRANSPOSE|DEPENDENCY)$/.test(node.op);
  const bytesOf = ({ ne, nb, type, viewOffset }: Tensor): Set<number> => {
    const bytes = new Set<number>();
    for (let i = 0; i < ne[0] * ne[1] * ne[2] * ne[3]; i++) {
      const at = [i % ne[0], Math.floor(i / ne[0]) % ne[1], Math.floor(i / ne[0] / ne[1]) % ne[2]];
      const start = viewOffset + at.reduce((sum, index, dim) => sum + index * nb[dim], 0);
      for (let byte = start; byte < start + type.blockBytes; byte++) bytes.add(byte);
    }
    return bytes;
  };
  const written = new Set(graph.nodes.filter((node) => node.isView && !isPureView(node)).map((node) => node.root));
  const touches = graph.nodes.flatMap((node) => {
    if (isPureView(node)) return [];
    const reads = node.sources.flatMap((source) => {
      const isTarget = node.isView && source?.root === node.root && source.viewOffset === node.viewOffset;
      return source !== null && !isTarget && written.has(source.root) ? [{ node, tensor: source, isWrite: false }] : [];
    });
    return written.has(node.root) ? [...reads, { node, tensor: node, isWrite: true }] : reads;
  });
  return touches.flatMap((later, i) =>
    touches.slice(0, i).flatMap((earlier): [Tensor, Tensor][] => {
      if (earlier.node === later.node || earlier.tensor.root !== later.tensor.root) return [];
      if (!earlier.isWrite && !later.isWrite) return [];
      const bytes = bytesOf(earlier.tensor);
      return [...bytesOf(later.tensor)].some((byte) => bytes.has(byte)) ? [[earlier.node, later.node]] : [];
    }),
  );
}

export function reaches(graph: Graph, first: Tensor, second: Tensor): boolean {
  if (first === second) return true;
  return [...second.sources, second.destination].some((need) => {
    return need !== null && need !== second && graph.nodes.includes(need) && reaches(graph, first, need);
  });
}
