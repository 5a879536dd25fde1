/**
 * What each byte of a graph's memory holds, as expressions: the operation that made it, with its settings and the
 * expressions of what it read.
 *
 *     k = f(x)          #1 f(leaf 0)                     A read of the cache is an expression of what lies in its bytes
 *     w = k → cache     bytes [0, 64) of the cache: #1   at that step: #2 before the write would be g(leaf 1), after it
 *     r = g(cache)      #2 g(#1 in bytes [0, 64), …)     it is g(#1).
 *
 * Invariant: two nodes have one number exactly if they apply the same operation with the same settings to operands of the
 * same layout and content. Each storage has bytes of its own.
 */
import type { Graph } from '../graph/graph.js';
import { isPureView } from '../graph/node-kind.js';
import type { Tensor } from '../tensor/tensor.js';
import { UNWRITTEN } from './interval-map.js';
import { uncheckedLength } from '../tensor/layout.js';
import type { Cut, Slice } from '../tensor/slice.js';
import { forEachPiece, forEachRun, RunList, sliceLayout, type Content } from './slices.js';
import { ValueMemory } from './value-memory.js';

/** Numbers of expressions, the same for the same text: shared by the runs that are to be compared. */
export class Expressions {
  readonly #numbers = new Map<string, number>();

  numberOf(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) this.#numbers.set(text, (number = this.#numbers.size));
    return number;
  }
}

/** Something that a run does besides computing values of the plan. */
export interface Effect {
  readonly node: Tensor;
  readonly expression: number;
}

/** A graph that runs on expressions. */
export class ExpressionRun {
  /** Nodes of which nobody knows all that they do, in order. */
  readonly unknown: Effect[] = [];
  /** Writes into memory outside the plan. */
  readonly writes: Effect[] = [];
  /** By node that computes something. */
  readonly expressionOf = new Map<Tensor, number>();
  readonly #expressions: Expressions;
  readonly #graph: Graph;
  readonly #nameOf: (tensor: Tensor) => string;
  readonly #homes: ReadonlySet<Tensor>;
  readonly #memory = new ValueMemory();
  /** By tag: an expression, and the byte of the storage at which its writer begins. */
  readonly #tags: { readonly expression: number; readonly start: number }[] = [];
  readonly #tagOf = new Map<string, number>();
  /** Numbers what nothing else is equal to. */
  #serial = 0;

  /**
   * @param nameOf of what comes from outside: the same for tensors that hold the same
   * @param homes storages outside the plan that are there to be written into, in place of results within the plan
   */
  constructor(
    expressions: Expressions,
    graph: Graph,
    nameOf: (tensor: Tensor) => string,
    homes: ReadonlySet<Tensor> = new Set(),
  ) {
    this.#expressions = expressions;
    this.#graph = graph;
    this.#nameOf = nameOf;
    this.#homes = homes;
    const { leafs, nodes, inputs } = graph;
    for (const tensor of [...leafs, ...nodes.filter((node) => inputs.has(node))]) {
      if (!tensor.isView) this.#write(tensor, expressions.numberOf(nameOf(tensor)));
    }
  }

  run(node: Tensor): void {
    if (isPureView(node)) return;
    const { operation } = node;
    if (operation === null) {
      if (!this.#graph.inputs.has(node)) this.#write(node, this.#expressions.numberOf(this.#nameOf(node)));
      return;
    }
    const expression = this.#expressions.numberOf(this.#textOf(node));
    this.expressionOf.set(node, expression);
    const updated = operation.updates.flatMap((slot) => node.sources[slot] ?? []);
    for (const tensor of updated)
      this.#write(tensor, this.#expressions.numberOf(`${expression} of ${this.contentOf(tensor)}`));
    if (!this.#graph.inputs.has(node)) this.#write(node, expression);
    if (!operation.isPure && !(operation.isKnown && updated.length > 0)) this.unknown.push({ node, expression });
    for (const { root } of [...updated, node]) {
      const isOutside = root !== node && root.memory !== 'deferred' && !this.#homes.has(root);
      if (isOutside) this.writes.push({ node, expression });
    }
  }

  /** Runs a node that computes a slice of what `expression` is the whole of, laid out as `old`. */
  runPart(node: Tensor, expression: number, old: Tensor, { slice, cut }: { slice: Slice; cut: Cut }): void {
    const { before = 0, after = 0 } = cut;
    if (before + after > 0) this.#write(node, this.#expressions.numberOf(`beside ${this.#serial++}`));
    const pieces: number[][] = [];
    forEachPiece(old, slice, node, cut, (from, to, oldByte) => {
      pieces.push([from, to, this.#tag(expression, from - oldByte)]);
    });
    this.#memory.writeRanges(node, pieces.sort((a, b) => a[0] - b[0]).flat());
  }

  /** Runs a node of which is known only that it is not what it should be. */
  runUnknown(node: Tensor): void {
    this.#write(node, this.#expressions.numberOf(`unknown ${this.#serial++}`));
  }

  /** What a slice of a tensor holds, element by element. */
  contentOfSlice(tensor: Tensor, slice: Slice | null): Content {
    const { layout, start } = sliceLayout(tensor, slice);
    const only = this.#memory.onlyTag(tensor, start, start + uncheckedLength(layout));
    if (only !== null && only !== UNWRITTEN) {
      const { expression, start: first } = this.#tags[only];
      return { expression, layout, start: start - first };
    }
    const list = new RunList();
    forEachRun(layout, start, (at, size) => {
      this.#memory.readRange(tensor, at, at + size, (from, to, tag) => {
        if (tag === UNWRITTEN) list.add(to - from, UNWRITTEN, 0);
        else list.add(to - from, this.#tags[tag].expression, from - this.#tags[tag].start);
      });
    });
    return list.runs;
  }

  /** What the bytes of a tensor hold now. */
  contentOf(tensor: Tensor): string {
    const values = this.#memory.read(tensor);
    const shown = (tag: number, at: number): string => {
      if (tag === UNWRITTEN) return 'nothing';
      const { expression, start } = this.#tags[tag];
      return `#${expression}+${at - start}`;
    };
    if (typeof values === 'number') return shown(values, tensor.viewOffset);
    const runs: string[] = [];
    for (let run = 0; run < values.length; run += 3) {
      const [from, to, tag] = values.slice(run, run + 3);
      runs.push(`${from}-${to}:${shown(tag, tensor.viewOffset + from)}`);
    }
    return runs.join(' ');
  }

  #textOf(node: Tensor): string {
    const operands = node.sources.map((source, slot) => {
      if (source === null) return '-';
      // Named as what is written into, and not read.
      const isTarget = node.isView && source.root === node.root && node.operation!.namesItself.includes(slot);
      return source === node || isTarget ? 'itself' : `${layoutOf(source)} ${this.contentOf(source)}`;
    });
    // Of what is written in part, the rest stays as it was.
    const isPart = node.isView && node.destination === null && node.operation!.writesPart;
    const rest = isPart ? this.contentOf(node) : '';
    return JSON.stringify([node.op, node.params, layoutOf(node), operands, rest]);
  }

  #write(tensor: Tensor, expression: number): void {
    this.#memory.write(tensor, this.#tag(expression, tensor.viewOffset));
  }

  #tag(expression: number, start: number): number {
    const key = `${expression}@${start}`;
    let tag = this.#tagOf.get(key);
    if (tag === undefined) {
      tag = this.#tags.push({ expression, start }) - 1;
      this.#tagOf.set(key, tag);
    }
    return tag;
  }
}

export function layoutOf({ type, shape, strides }: Tensor): string {
  return `${type.name}[${shape.join(',')}/${strides.join(',')}]`;
}
