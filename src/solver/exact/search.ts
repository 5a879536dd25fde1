/**
 * Depth-first search for a placement within a capacity.
 *
 * It looks for a canonical solution: one from which no buffer can be moved down. Such a solution exists if any does. At
 * each node it picks an unplaced buffer below which no unplaced buffer fits, and either places it at its lowest offset
 * or rules that offset out. Only the order of neighbours matters, so the search can stay where it is tightest:
 *
 *     │      ┌──┐                The picked buffer need not be the lowest of all, as in MiniMalloc, only the lowest
 *     │ ┌────┤  │ next           around. When nothing unplaced crosses a boundary of sections any more (here |), the
 *     │ └─┬──┴──┤ |              two sides are solved one after the other; if one fails, the other is not revisited.
 *     │   └─────┘ |
 *
 * A failure carries its causes; a choice that is not among them is undone without trying its alternative
 * (conflict-directed backjumping; Prosser, 1993).
 *
 * Invariant: `exhausted` means that no placement within the capacity exists. The stack is explicit, so that the engine
 * does not limit its depth, and so that a search can pause and go on.
 */
import type { Budget } from '../budget.js';
import type { Instance } from './instance.js';
import { State } from './state.js';
import { isSupported, supportedBounds } from './support.js';

/**
 * The section to work on next: the one with the most left to place, or the one with both much left and many failures.
 */
export type Focus = 'fullest' | 'deadliest';

/** `paused`: the allowed failures are used up. `stopped`: the budget is spent. */
export type Outcome = 'found' | 'exhausted' | 'paused' | 'stopped';

/** Raises per unplaced buffer of a part. After these, all buffers that support each other are raised at once. */
const MOST_RAISES = 2;

/** A stretch of sections to be solved on its own: its buffers are a range of `order`. */
interface Part {
  base: number;
  count: number;
  from: number;
  to: number;
  /** The frame to return to when it fails. */
  parent: number;
}

/** All parts are made here, so that they have one hidden class. */
function createPart(base: number, count: number, from: number, to: number, parent: number): Part {
  return { base, count, from, to, parent };
}

export class Search {
  readonly state: State;
  /** The most buffers placed at one node since {@link begin}. */
  mostPlaced = 0;
  /** Nodes of the tree visited since {@link begin}. */
  nodes = 0;
  #focus: Focus = 'fullest';
  /** Whether the current node may lead to a solution; if not, the conflict says why. */
  #isAlive = false;
  /** Buffers raised one by one since one was placed. */
  #raiseCount = 0;
  readonly #rank: Int32Array;
  readonly #order: Int32Array;
  /** The decisions so far, one frame each. */
  readonly #frameBuffer: Int32Array;
  readonly #frameTrail: Int32Array;
  readonly #frameAgenda: Int32Array;
  readonly #framePart: Part[] = [];
  #frameCount = 0;
  readonly #agenda: Part[] = [];
  #part: Part = createPart(0, 0, 0, 0, -1);
  readonly #priorities: Float64Array;

  /**
   * `priorities` are added to the load of each section, relative to the capacity, to choose the next section. Default
   * 0.
   */
  constructor(
    readonly instance: Instance,
    priorities: Float64Array = new Float64Array(instance.sectionCount),
  ) {
    this.#priorities = priorities;
    const { count } = instance;
    this.state = new State(instance);
    this.#rank = rankBuffers(instance, this.state.loads);
    this.#order = Int32Array.from({ length: count }, (_, b) => b);
    this.#frameBuffer = new Int32Array(count);
    this.#frameTrail = new Int32Array(count);
    this.#frameAgenda = new Int32Array(count);
  }

  /** Starts at the root, looking for a placement within `capacity` units. */
  begin(capacity: number, focus: Focus): void {
    const { state, instance } = this;
    this.#frameCount = 0;
    this.mostPlaced = 0;
    this.nodes = 0;
    this.#agenda.length = 0;
    this.#part = createPart(0, instance.count, 0, instance.sectionCount, -1);
    this.#focus = focus;
    state.countsDeaths = focus === 'deadliest';
    this.#isAlive = state.reset(capacity);
  }

  /**
   * Goes on from where the search was, until `maxFailures` more choices have failed. After `found` the state holds the
   * placement. After `found` or `exhausted`, only {@link begin} may follow.
   */
  advance(maxFailures: number, budget: Budget): Outcome {
    const { state } = this;
    for (let failures = 0; ;) {
      while (!this.#isAlive) {
        if (this.#part.parent < 0) return 'exhausted';
        if (failures++ >= maxFailures) return 'paused';
        this.#isAlive = this.#backtrack();
        this.#raiseCount = 0;
      }
      if (!budget.spend()) return 'stopped';
      this.nodes++;
      const { from, to, count } = this.#part;
      const b = this.#pick();
      if (!isSupported(state, b)) {
        state.reasons.conflict.fill(0);
        this.#isAlive = this.#raiseCount++ < MOST_RAISES * count ? state.raise(b, from, to) : this.#raisePart();
      } else {
        this.#raiseCount = 0;
        this.#isAlive = this.#descend(b);
        if (this.#isAlive && this.#part.count === 0 && !this.#nextPart()) return 'found';
      }
    }
  }

  /** Raises all buffers of the current part that only support each other, at once. */
  #raisePart(): boolean {
    const { base, count, from, to } = this.#part;
    const members = this.#order.subarray(base, base + count);
    return this.state.raiseTo(members, supportedBounds(this.state, members), from, to);
  }

  /** Pushes a frame and places the buffer; the current part becomes what is left of it. */
  #descend(b: number): boolean {
    const { state } = this;
    const part = this.#part;
    const frame = this.#frameCount++;
    this.#frameBuffer[frame] = b;
    this.#frameTrail[frame] = state.trailCount;
    this.#frameAgenda[frame] = this.#agenda.length;
    this.#framePart[frame] = part;
    this.#part = createPart(part.base, part.count, part.from, part.to, frame);
    if (!state.place(b, part.from, part.to)) return false;
    this.mostPlaced = Math.max(this.mostPlaced, state.placedCount);
    this.#part.count = this.#moveToEnd(b, part);
    this.#splitPart(b);
    return true;
  }

  /**
   * Returns to the frame that the current part depends on, and rules its choice out there. False if the node there is
   * dead as well.
   */
  #backtrack(): boolean {
    const { state, instance } = this;
    const order = this.#order;
    const frame = this.#part.parent;
    const b = this.#frameBuffer[frame];
    state.undo(this.#frameTrail[frame], frame);
    this.#agenda.length = this.#frameAgenda[frame];
    this.#part = this.#framePart[frame];
    this.#frameCount = frame;
    if (!state.reasons.isBlamed(b)) return false;
    state.reasons.replaceBlame(b);
    const { base, count, from, to } = this.#part;
    const { spanClass, sizes } = instance;
    const offset = state.lowest[b];
    let causes: Int32Array | null = null;
    for (let i = base; i < base + count && spanClass[b] >= 0; i++) {
      const y = order[i];
      if (y === b || spanClass[y] !== spanClass[b] || sizes[y] !== sizes[b] || state.lowest[y] !== offset) continue;
      // An identical buffer cannot be there either.
      causes ??= state.reasons.conflict.slice();
      state.reasons.conflict.set(causes);
      if (!state.raise(y, from, to)) return false;
    }
    if (causes !== null) state.reasons.conflict.set(causes);
    return state.lowest[b] > offset || state.raise(b, from, to);
  }

  /** A buffer of the current part below which no unplaced buffer fits. */
  #pick(): number {
    const { state } = this;
    const part = this.#part;
    const focus = this.#focus;
    const priorities = this.#priorities;
    const { loads, deaths, capacity } = state;
    let section = -1;
    let most = -Infinity;
    for (let s = part.from; s < part.to; s++) {
      if (loads[s] === 0) continue;
      const load = loads[s] / capacity + priorities[s];
      const value = focus === 'fullest' ? load : load * Math.sqrt(1 + deaths[s]);
      if (value <= most) continue;
      most = value;
      section = s;
    }
    // A buffer left when every section is empty has gaps throughout its live range, and so no neighbours.
    return section < 0 ? this.#order[part.base] : this.#pickIn(section);
  }

  #pickIn(section: number): number {
    const { memberFirst, members, first, other, sizes } = this.instance;
    const { offsets, lowest } = this.state;
    let b = -1;
    for (let e = memberFirst[section]; e < memberFirst[section + 1]; e++) {
      const y = members[e];
      if (offsets[y] < 0 && (b < 0 || this.#isBefore(y, b))) b = y;
    }
    for (;;) {
      let under = -1;
      for (let e = first[b]; e < first[b + 1]; e++) {
        const y = other[e];
        if (lowest[y] + sizes[y] > lowest[b]) continue;
        if (under < 0 || this.#isBefore(y, under)) under = y;
      }
      if (under < 0) return b;
      b = under;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const difference = this.state.lowest[a] - this.state.lowest[b];
    return difference < 0 || (difference === 0 && this.#rank[a] < this.#rank[b]);
  }

  /** Swaps a buffer to the end of its part's range; returns how many are left before it. */
  #moveToEnd(b: number, { base, count }: Part): number {
    const order = this.#order;
    let i = base;
    while (order[i] !== b) i++;
    order[i] = order[base + count - 1];
    order[base + count - 1] = b;
    return count - 1;
  }

  /** Cuts the current part wherever placing `b` has left a boundary that nothing crosses. */
  #splitPart(b: number): void {
    const { instance } = this;
    const order = this.#order;
    const part = this.#part;
    const { starts, ends } = instance;
    const { crossings } = this.state;
    let cut = false;
    for (let s = starts[b] + 1; s < ends[b] && !cut; s++) cut = crossings[s] === 0;
    if (!cut || part.count === 0) return;
    const end = part.base + part.count;
    let base = part.base;
    let from = part.from;
    for (let s = from + 1; s <= part.to; s++) {
      if (s < part.to && crossings[s] !== 0) continue;
      let next = base;
      for (let i = base; i < end; i++) {
        if (starts[order[i]] >= s) continue;
        const y = order[i];
        order[i] = order[next];
        order[next++] = y;
      }
      if (next > base) this.#agenda.push(createPart(base, next - base, from, s, part.parent));
      base = next;
      from = s;
    }
    this.#part = this.#agenda.pop()!;
  }

  #nextPart(): boolean {
    if (this.#agenda.length === 0) return false;
    this.#part = this.#agenda.pop()!;
    return true;
  }
}

/** Static order of preference: the most loaded sections first, then the longest span, then size. */
function rankBuffers({ count, sizes, starts, ends }: Instance, loads: ArrayLike<number>): Int32Array {
  const most = new Float64Array(count);
  for (let b = 0; b < count; b++) for (let s = starts[b]; s < ends[b]; s++) most[b] = Math.max(most[b], loads[s]);
  const byRank = Int32Array.from({ length: count }, (_, b) => b).sort((a, b) => {
    const spans = ends[b] - starts[b] - (ends[a] - starts[a]);
    return most[b] - most[a] || spans || sizes[b] - sizes[a] || starts[a] - starts[b] || a - b;
  });
  const rank = new Int32Array(count);
  byRank.forEach((b, i) => (rank[b] = i));
  return rank;
}
