/**
 * The engine of autograd: the order in which PyTorch computes gradients.
 *
 * Invariant: of all nodes whose gradient is complete, the engine runs the youngest. A node holds its incoming gradients
 * and what it saved until all that it computes is there. Gradients that meet are added into new bytes, but for CUDA.
 */
import type { Tensor } from '../../tensor/tensor.js';
import { castTo } from './ops/cast.js';
import { sumTo } from './ops/reduce.js';
import type { Tape } from './tape.js';
import { preserved, sameShape, type Edge, type GradientNode, type Gradients, type Value } from './value.js';

/** Computes the gradients of everything that `loss` depends on. */
export function backward(tape: Tape, loss: Value): void {
  const root = loss.edge;
  if (root === null) return;
  tape.section = 'recompute';
  const [seed] = tape.emit('aten.ones_like.default', [loss], [{ type: loss.type, shape: loss.shape }]);
  tape.section = 'backward';
  tape.isGradEnabled = false;
  const waiting = dependencies(root.node);
  const ready = new ReadyNodes();
  const buffers = new Map<GradientNode, (Value | null)[]>([[root.node, [seed]]]);
  const holders = new Holders();
  ready.add(root.node);
  for (let node = ready.take(); node !== null; node = ready.take()) {
    const gradients = buffers.get(node)!;
    buffers.delete(node);
    tape.block = node.block;
    for (const gradient of gradients) holders.remove(gradient);
    const computed = evaluate(tape, node, gradients);
    for (const gradient of computed) holders.add(gradient);
    node.edges.forEach((edge, slot) => {
      if (edge === null) return;
      const buffer = buffers.get(edge.node) ?? edge.node.outputs.map(() => null);
      buffers.set(edge.node, buffer);
      accumulate(tape, holders, buffer, edge.index, computed[slot] ?? null);
      const left = waiting.get(edge.node)! - 1;
      waiting.set(edge.node, left);
      if (left === 0) ready.add(edge.node);
    });
  }
  tape.block = -1;
  tape.release([seed]);
  tape.isGradEnabled = true;
}

/** How many edges lead to each node. */
function dependencies(root: GradientNode): Map<GradientNode, number> {
  const counts = new Map<GradientNode, number>([[root, 0]]);
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    for (const edge of node.edges) {
      if (edge === null) continue;
      const count = counts.get(edge.node);
      counts.set(edge.node, (count ?? 0) + 1);
      if (count === undefined) stack.push(edge.node);
    }
  }
  return counts;
}

function evaluate(tape: Tape, node: GradientNode, gradients: Gradients): Gradients {
  const computed = node.apply(gradients);
  if (node.edges.length === 0) return computed; // a parameter holds its gradient
  tape.release(node.saves.map((kept) => kept.local()));
  const fitting = computed.map((gradient, slot) => fitted(tape, gradient, node.edges[slot] ?? null));
  tape.release([...computed.filter((gradient, slot) => gradient !== fitting[slot]), ...gradients]);
  tape.release(node.saves.map((kept) => kept.drop()));
  node.saves.length = 0;
  return fitting;
}

/** A gradient in the shape and type of what it belongs to. */
function fitted(tape: Tape, gradient: Value | null, edge: Edge | null): Value | null {
  if (gradient === null || edge === null) return null;
  const { shape, type } = edge.node.outputs[edge.index];
  const summed = sameShape(gradient.shape, shape) ? gradient : sumTo(tape, gradient, shape);
  return castTo(tape, summed, type);
}

function accumulate(
  tape: Tape,
  holders: Holders,
  buffer: (Value | null)[],
  index: number,
  gradient: Value | null,
): void {
  if (gradient === null) return;
  const other = buffer[index];
  if (other === null) {
    buffer[index] = gradient;
    return;
  }
  // PyTorch's trackers see operations as they are dispatched, and keep the engine from adding in place.
  const target =
    tape.device === 'cpu'
      ? null
      : ([other, gradient].find((each) => holders.hasOne(each) && preserved(each) === each.strides) ?? null);
  if (target !== null) {
    buffer[index] = tape.overwrite('aten.add_.Tensor', target, [target === other ? gradient : other]);
    holders.remove(target === other ? gradient : other);
    return;
  }
  const spec = { type: other.type, shape: other.shape, strides: preserved(other) };
  [buffer[index]] = tape.emit('aten.add.Tensor', [other, gradient], [spec]);
  holders.add(buffer[index]);
  holders.remove(other);
  holders.remove(gradient);
}

/** How many gradients that wait lie in each storage: one that nobody else holds may be written over. */
class Holders {
  readonly #counts = new Map<Tensor, number>();

  add(value: Value | null): void {
    if (value !== null) this.#counts.set(value.tensor.root, this.#count(value) + 1);
  }

  remove(value: Value | null): void {
    if (value !== null) this.#counts.set(value.tensor.root, Math.max(0, this.#count(value) - 1));
  }

  hasOne(value: Value): boolean {
    return this.#count(value) === 1;
  }

  #count({ tensor }: Value): number {
    return this.#counts.get(tensor.root) ?? 0;
  }
}

/** Nodes that can run, the youngest first: a binary heap. */
class ReadyNodes {
  readonly #heap: GradientNode[] = [];

  add(node: GradientNode): void {
    const heap = this.#heap;
    let at = heap.push(node) - 1;
    while (at > 0) {
      const parent = Math.floor((at - 1) / 2);
      if (heap[parent].sequence >= node.sequence) break;
      heap[at] = heap[parent];
      at = parent;
    }
    heap[at] = node;
  }

  take(): GradientNode | null {
    const heap = this.#heap;
    const first = heap[0] ?? null;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let at = 0;
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && heap[child + 1].sequence > heap[child].sequence) child++;
      if (heap[child].sequence <= last.sequence) break;
      heap[at] = heap[child];
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
