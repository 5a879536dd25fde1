/**
 * The order in which Metal computes the nodes of a split: nodes that may run at the same time are put together.
 *
 * A *set* is a run of nodes none of which writes what another one reads or writes. Where a node doesn't fit into the set
 * before it, later nodes that do are brought forward, as long as they pass over nothing that they depend on.
 *
 * Invariant: the order holds every node once, and no node comes before one that it depends on.
 */
import type { OperationName } from '../dialects/ggml/operation-name.js';
import { isPureView } from '../graph/node-kind.js';
import { sameShape } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';
import { GATED, UNARY } from './node-rules.js';

/** How far ahead nodes are looked for. */
const LOOK_AHEAD = 64;

/** Most nodes of one kernel. */
const MOST_FUSED = 16;

/** Operations of the first node of a kernel, and of the nodes behind it. */
const FUSED_FIRST: ReadonlySet<string> = new Set<OperationName>(['ADD', 'NORM', 'RMS_NORM']);
const FUSED: ReadonlySet<string> = new Set<OperationName>(['ADD', 'MUL', 'NORM', 'RMS_NORM']);

/** No node is brought forward over a node of another operation, but for views. */
// prettier-ignore
const MOVABLE: ReadonlySet<string> = new Set<OperationName>([
  'MUL_MAT', 'MUL_MAT_ID', 'ROPE', 'NORM', 'RMS_NORM', 'GROUP_NORM', 'L2_NORM', 'SUM_ROWS', 'SSM_CONV', 'SSM_SCAN',
  'CLAMP', 'TRI', 'DIAG', 'MUL', 'ADD', 'SUB', 'DIV', 'SCALE', 'GET_ROWS', 'SET_ROWS', 'SET', 'CPY', 'CONT', 'REPEAT',
  ...UNARY, ...GATED,
]);

/** Nodes of one kernel, which stay together. */
type Kernel = readonly Tensor[];

/** The storages that some kernels read and write. */
class Touched {
  readonly #read = new Set<Tensor>();
  readonly #written = new Set<Tensor>();

  add(kernel: Kernel): void {
    for (const { sources } of kernel) for (const source of sources) if (source !== null) this.#read.add(source.root);
    this.#written.add(kernel[kernel.length - 1].root);
  }

  /** Whether a kernel neither reads what these write, nor writes what these read or write. */
  allows(kernel: Kernel): boolean {
    for (const { sources } of kernel) {
      for (const source of sources) if (source !== null && this.#written.has(source.root)) return false;
    }
    const { root } = kernel[kernel.length - 1];
    return !this.#read.has(root) && !this.#written.has(root);
  }
}

/**
 * The nodes of a split in the order in which Metal computes them. O(nodes × operands).
 *
 * @param usesOf how many operands of the whole graph a node is
 */
export function metalOrder(nodes: readonly Tensor[], usesOf: (node: Tensor) => number): readonly Tensor[] {
  const kernels = kernelsOf(nodes, usesOf);
  const isViewAt = kernels.map(([node]) => isEmpty(node));
  const isMovableAt = kernels.map(([{ op }], at) => isViewAt[at] || MOVABLE.has(op));
  const isUsed = new Uint8Array(kernels.length);
  const order: Tensor[] = [];
  let set = new Touched();
  for (let at = 0; at < kernels.length; at++) {
    if (isUsed[at] === 1) continue;
    const kernel = kernels[at];
    if (!isViewAt[at] && !set.allows(kernel)) {
      const passed = new Touched();
      passed.add(kernel);
      const end = Math.min(at + LOOK_AHEAD, kernels.length);
      for (let later = at + 1; later < end; later++) {
        if (isUsed[later] === 1) continue;
        if (!isMovableAt[later]) break;
        const candidate = kernels[later];
        if ((isViewAt[later] || set.allows(candidate)) && passed.allows(candidate)) {
          set.add(candidate);
          order.push(...candidate);
          isUsed[later] = 1;
        } else {
          passed.add(candidate);
        }
      }
      set = new Touched();
    }
    set.add(kernel);
    order.push(...kernel);
  }
  return order;
}

/** Whether nothing is computed when the node's turn comes. */
function isEmpty(node: Tensor): boolean {
  return node.operation === null || isPureView(node);
}

/** The nodes cut into kernels: as many as can be computed at once, from each node on that may be the first. */
function kernelsOf(nodes: readonly Tensor[], usesOf: (node: Tensor) => number): Kernel[] {
  const kernels: Kernel[] = [];
  for (let first = 0; first < nodes.length;) {
    let end = first + 1;
    if (FUSED_FIRST.has(nodes[first].op)) {
      const last = Math.min(first + MOST_FUSED, nodes.length);
      while (end < last && FUSED.has(nodes[end].op) && isPassedOn(nodes[end - 1], nodes[end], usesOf)) end++;
    }
    kernels.push(nodes.slice(first, end));
    first = end;
  }
  return kernels;
}

/** Whether `next` is all that `node` is computed for. */
function isPassedOn(node: Tensor, next: Tensor, usesOf: (node: Tensor) => number): boolean {
  const [a, b = null] = next.sources;
  const isOnlyUse = usesOf(node) === 1 && !node.isView && !node.origin.outputs.has(node);
  return isOnlyUse && (a === node || b === node) && sameShape(node, next);
}
