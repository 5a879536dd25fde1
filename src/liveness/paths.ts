/**
 * Does one tensor depend on another by a path of sources and destinations? Many such questions are answered together.
 *
 * A look at a few nodes before the later tensor answers most questions. Passes over the steps answer all others, each
 * for up to 32 nodes, one bit each: forward, from nodes to what depends on them, or backward, from nodes to what they
 * depend on. A pass begins at the end of a question that more questions ask about, so one node that meets thousands
 * costs one pass.
 *
 * Invariant: between passes no bit is set.
 */
/* eslint-disable no-bitwise -- sets of questions, never bytes */
import type { GraphTable } from '../graph/table.js';

const BITS = 32;
/** Tensors that are looked at for one question before the question is left to a pass. */
const NEAR = 16;
const UNKNOWN = -1;

export class Paths {
  readonly #table: GraphTable;
  readonly #bits: Int32Array;
  readonly #near = new Int32Array(NEAR);
  /** Tensor ids, one per question. */
  readonly #firsts: number[] = [];
  readonly #lasts: number[] = [];

  constructor(table: GraphTable) {
    this.#table = table;
    this.#bits = new Int32Array(table.tensorCount);
  }

  /** Asks whether tensor `last` is node `first` or depends on it. Returns the number of the question. */
  ask(first: number, last: number): number {
    this.#lasts.push(last);
    return this.#firsts.push(first) - 1;
  }

  /**
   * One answer per question: 1 for yes. O(questions · log questions), and one pass over the steps between for every 32
   * nodes with questions that are left to a pass.
   */
  answers(): Uint8Array {
    const firsts = Int32Array.from(this.#firsts);
    const lasts = Int32Array.from(this.#lasts);
    const answers = new Uint8Array(firsts.length);
    const { tensorCount } = this.#table;
    const asked = [new Int32Array(tensorCount), new Int32Array(tensorCount)];
    for (let q = 0; q < firsts.length; q++) {
      asked[0][firsts[q]]++;
      asked[1][lasts[q]]++;
    }
    const forward: number[] = [];
    const backward: number[] = [];
    for (let q = 0; q < firsts.length; q++) {
      const isForward = asked[0][firsts[q]] >= asked[1][lasts[q]];
      const answer = this.#lookNearby(firsts[q], lasts[q]);
      if (answer === UNKNOWN) (isForward ? forward : backward).push(q);
      else answers[q] = answer;
    }
    this.#run(forward, firsts, lasts, answers, (low, high) => this.#spreadForward(low, high));
    this.#run(backward, lasts, firsts, answers, (low, high) => this.#spreadBackward(low, high));
    return answers;
  }

  /** Goes back from `last`, no further than to `first`; {@link UNKNOWN} if there is too much to look at. */
  #lookNearby(first: number, last: number): number {
    const { steps, sources, sourceFirst, destinations } = this.#table;
    const near = this.#near;
    near[0] = last;
    let count = 1;
    for (let i = 0; i < count; i++) {
      const tensor = near[i];
      if (tensor === first) return 1;
      const end = sourceFirst[tensor + 1];
      for (let s = sourceFirst[tensor]; s <= end; s++) {
        const need = s < end ? sources[s] : destinations[tensor];
        if (need === -1 || steps[need] < steps[first] || near.lastIndexOf(need, count - 1) !== -1) continue;
        if (count === NEAR) return UNKNOWN;
        near[count++] = need;
      }
    }
    return 0;
  }

  /** Answers `questions` pass by pass, from the nodes `from` to the nodes `to`. */
  #run(
    questions: number[],
    from: Int32Array,
    to: Int32Array,
    answers: Uint8Array,
    spread: (low: number, high: number) => void,
  ): void {
    const { steps, nodes } = this.#table;
    const bits = this.#bits;
    questions.sort((p, q) => steps[from[p]] - steps[from[q]]);
    for (let begin = 0, end = 0; begin < questions.length; begin = end) {
      const bitOf = new Map<number, number>();
      let low = Infinity;
      let high = 0;
      for (; end < questions.length; end++) {
        const node = from[questions[end]];
        if (!bitOf.has(node) && bitOf.size === BITS) break;
        if (!bitOf.has(node)) bitOf.set(node, bitOf.size);
        low = Math.min(low, steps[node], steps[to[questions[end]]]);
        high = Math.max(high, steps[node], steps[to[questions[end]]]);
      }
      for (const [node, bit] of bitOf) bits[node] = 1 << bit;
      spread(low, high);
      for (let i = begin; i < end; i++) {
        const q = questions[i];
        answers[q] = (bits[to[q]] >>> bitOf.get(from[q])!) & 1;
      }
      for (let step = low; step <= high; step++) bits[nodes[step]] = 0;
    }
  }

  /** Gives each node of the steps `low` to `high`, inclusive, the bits of what it depends on. */
  #spreadForward(low: number, high: number): void {
    const { nodes, sources, sourceFirst, destinations } = this.#table;
    const bits = this.#bits;
    for (let step = low; step <= high; step++) {
      const node = nodes[step];
      let set = bits[node];
      for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) set |= bits[sources[s]];
      if (destinations[node] !== -1) set |= bits[destinations[node]];
      bits[node] = set;
    }
  }

  /** Gives each node of the steps `low` to `high`, inclusive, the bits of what depends on it. */
  #spreadBackward(low: number, high: number): void {
    const { nodes, steps, sources, sourceFirst, destinations } = this.#table;
    const bits = this.#bits;
    for (let step = high; step >= low; step--) {
      const node = nodes[step];
      const set = bits[node];
      if (set === 0) continue;
      for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) {
        if (steps[sources[s]] >= low) bits[sources[s]] |= set;
      }
      const destination = destinations[node];
      if (destination !== -1 && steps[destination] >= low) bits[destination] |= set;
    }
  }
}
