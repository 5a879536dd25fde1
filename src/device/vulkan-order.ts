/**
 * The order in which Vulkan computes the nodes of a split: nodes that depend on nothing new are brought forward, and
 * nodes of one kernel are put next to each other.
 *
 * Invariant: the order holds every node once, and no node comes before one that it depends on.
 */
import { isPureView } from '../graph/node-kind.js';
import type { Tensor } from '../tensor/tensor.js';
import { UNARY } from './node-rules.js';

/** How far ahead of the first node that is left nodes are brought forward. */
const WINDOW = 20;

/** How far behind a node of a kernel the next one is looked for. */
const KERNEL_REACH = 15;
const CACHE_WRITE_REACH = 10;

const UNARY_NAMES: ReadonlySet<string> = new Set(UNARY);

/** ggml's name of an operation, which has one for all operations on single elements. */
function ggmlName({ op }: Tensor): string {
  return UNARY_NAMES.has(op) ? 'UNARY' : op;
}

/** Runs of nodes that one kernel computes, and that stay as they are: the choice of experts, and an activation. */
const KEPT_TOGETHER: readonly (readonly string[])[] = [
  'SOFT_MAX RESHAPE ARGSORT VIEW GET_ROWS RESHAPE SUM_ROWS CLAMP DIV RESHAPE',
  'UNARY RESHAPE ADD ARGSORT VIEW GET_ROWS RESHAPE SUM_ROWS CLAMP DIV RESHAPE',
  'UNARY SQRT RESHAPE ADD ARGSORT VIEW GET_ROWS RESHAPE SUM_ROWS CLAMP DIV RESHAPE',
  'SOFT_MAX RESHAPE ARGSORT VIEW GET_ROWS',
  'ARGSORT VIEW GET_ROWS RESHAPE SOFT_MAX RESHAPE',
  'MUL SIN SQR MUL ADD',
].map((names) => names.split(' '));

/** Two nodes of one kernel: the second one may follow the first although it reads its result. */
const PAIRS: ReadonlySet<string> = new Set([
  'RMS_NORM MUL',
  'MUL_MAT ADD',
  'MUL_MAT_ID ADD_ID',
  'MUL_MAT_ID MUL',
  'ADD ADD',
  'SSM_CONV ADD',
  'SSM_CONV UNARY',
]);

/** The third node of a kernel, behind a pair: it reads the second one's result first. */
interface Third {
  readonly pair: string;
  readonly op: string;
  /** What its other operands must be: given from outside the graph, or computed by now as well; null for anything. */
  readonly others: 'given' | 'computed' | null;
}

const THIRDS: readonly Third[] = [
  { pair: 'RMS_NORM MUL', op: 'ROPE', others: 'given' },
  { pair: 'MUL_MAT_ID ADD_ID', op: 'MUL', others: 'computed' },
  { pair: 'MUL_MAT ADD', op: 'ADD', others: 'computed' },
  { pair: 'SSM_CONV ADD', op: 'UNARY', others: null },
];

/** The nodes of a split in the order in which Vulkan computes them. O(nodes). */
export function vulkanOrder(nodes: readonly Tensor[]): readonly Tensor[] {
  return new VulkanOrder(nodes).build();
}

class VulkanOrder {
  readonly #nodes: readonly Tensor[];
  readonly #names: readonly string[];
  readonly #isView: readonly boolean[];
  /** Nodes that have a place in the order, or in the set that gets the next places. */
  readonly #isUsed: Uint8Array;
  readonly #order: Tensor[] = [];
  readonly #placed = new Set<Tensor>();
  #first = 0;

  constructor(nodes: readonly Tensor[]) {
    this.#nodes = nodes;
    this.#names = nodes.map(ggmlName);
    this.#isView = nodes.map((node) => node.operation === null || isPureView(node));
    this.#isUsed = new Uint8Array(nodes.length);
  }

  build(): readonly Tensor[] {
    while (this.#first < this.#nodes.length) {
      const run = KEPT_TOGETHER.find((names) => this.#isRunAt(names, this.#first));
      this.#place(run === undefined ? this.#nextSet() : run.map((_, index) => this.#first + index));
    }
    return this.#order;
  }

  #place(indices: readonly number[]): void {
    for (const index of indices) {
      this.#order.push(this.#nodes[index]);
      this.#placed.add(this.#nodes[index]);
      this.#isUsed[index] = 1;
    }
    while (this.#first < this.#nodes.length && this.#isUsed[this.#first] === 1) this.#first++;
  }

  #isRunAt(names: readonly string[], start: number): boolean {
    return names.every((name, index) => this.#names[start + index] === name && this.#isUsed[start + index] === 0);
  }

  /** The first node that is left, and what can be brought forward to it: nodes that compute, then views. */
  #nextSet(): number[] {
    const set = [this.#first];
    const end = Math.min(this.#first + WINDOW, this.#nodes.length);
    for (let at = this.#first + 1; at < end; at++) {
      if (this.#isUsed[at] === 1 || this.#isView[at]) continue;
      if (KEPT_TOGETHER.some((names) => this.#isRunAt(names, at)) || this.#waits(at, set)) continue;
      set.push(at);
      this.#takeRestOfKernel(at, set);
    }
    // A view between an addition and what follows would part them.
    if (this.#names[set[set.length - 1]] === 'ADD') return set;
    for (let at = this.#first + 1; at < end; at++) {
      if (this.#isUsed[at] === 0 && this.#isView[at] && !this.#looksAhead(at, set)) set.push(at);
    }
    return set;
  }

  /** Whether a node depends on one that is left, unless both are a pair and the first is the last of the set. */
  #waits(at: number, set: readonly number[]): boolean {
    const last = set[set.length - 1];
    for (let before = this.#first; before < at; before++) {
      if (this.#isUsed[before] === 1 || !dependsOn(this.#nodes[at], this.#nodes[before])) continue;
      const isPair = before === at - 1 && before === last && PAIRS.has(this.#pairAt(at));
      if (!isPair) return true;
    }
    return false;
  }

  /** Whether a view looks at a node that is left and not in the set. */
  #looksAhead(at: number, set: readonly number[]): boolean {
    for (let before = this.#first; before < at; before++) {
      if (this.#isUsed[before] === 1 || set.includes(before)) continue;
      if (dependsOn(this.#nodes[at], this.#nodes[before])) return true;
    }
    return false;
  }

  /** The operations of a node and of the one before it. */
  #pairAt(at: number): string {
    return `${this.#names[at - 1] ?? ''} ${this.#names[at]}`;
  }

  /** Takes the nodes that the kernel of a node computes besides it. */
  #takeRestOfKernel(at: number, set: number[]): void {
    const pair = this.#pairAt(at);
    let rope = at;
    for (const third of THIRDS) {
      if (third.pair !== pair) continue;
      const found = this.#find(at, KERNEL_REACH, (node) => this.#isThird(node, third, this.#nodes[at]));
      if (found === -1) continue;
      this.#take(found, set);
      if (third.op === 'ROPE') rope = found;
    }
    if (this.#names[rope] === 'ROPE') this.#takeCacheWrite(rope, set);
  }

  #isThird(node: Tensor, { op, others }: Third, second: Tensor): boolean {
    if (ggmlName(node) !== op || node.sources[0] !== second) return false;
    if (others === null) return true;
    return node.sources
      .slice(1, others === 'given' ? 3 : 2)
      .every(
        (source) => source === null || source.operation === null || (others === 'computed' && this.#placed.has(source)),
      );
  }

  /** The view of a rotated key and its writing into the cache, if both are near. */
  #takeCacheWrite(rope: number, set: number[]): void {
    const end = rope + CACHE_WRITE_REACH;
    const view = this.#find(
      rope,
      CACHE_WRITE_REACH,
      ({ op, sources }) => op === 'VIEW' && sources[0] === this.#nodes[rope],
    );
    if (view === -1) return;
    const write = this.#find(
      view,
      end - view,
      ({ op, sources }) => op === 'SET_ROWS' && sources[0] === this.#nodes[view],
    );
    if (write === -1) return;
    this.#take(view, set);
    this.#take(write, set);
  }

  #take(index: number, set: number[]): void {
    set.push(index);
    this.#isUsed[index] = 1;
  }

  /** The first node within reach behind `at` for which `test` holds; -1 without one. */
  #find(at: number, reach: number, test: (node: Tensor) => boolean): number {
    const end = Math.min(at + reach, this.#nodes.length);
    for (let index = at + 1; index < end; index++) if (test(this.#nodes[index])) return index;
    return -1;
  }
}

/** Whether a node reads another, or both look into one storage. */
function dependsOn(node: Tensor, other: Tensor): boolean {
  return node.root === other.root || node.sources.includes(other);
}
