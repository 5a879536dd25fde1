/**
 * What the exact search knows at a node: which buffers are placed, how low the others can possibly be, and why.
 *
 * In every section, the unplaced members lie on top of each other between their lowest offsets and the capacity. So one
 * of them must start no higher than the capacity less the height of their stack. If none can, the node is dead. If only
 * one can, it goes there, and every neighbour that does not fit below it must be above it.
 *
 * The bound is MiniMalloc's section inference with a floor from the unplaced buffers; the inference from a single
 * candidate, the padded stacks, and a reason for each bound are ours.
 *
 * Invariant: `lowest` never exceeds the true minimum of a canonical solution that extends the placed buffers, and
 * `undo` restores everything except the watches, which need no restoring.
 */
import { grown } from '../../columns.js';
import { alignedFrom, type Instance, type Units } from './instance.js';
import { Reasons } from './reasons.js';
import { changeHeights, createStacks, type Stack } from './stacks.js';

export const UNPLACED = -1;

export class State {
  capacity = 0;
  /** Offset of each placed buffer, `UNPLACED` for the others. */
  readonly offsets: Units;
  /** Lowest possible offset of each unplaced buffer; above every limit for placed buffers, which saves a test. */
  readonly lowest: Units;
  /** Unplaced units per section. */
  readonly loads: Units;
  /** Unplaced buffers whose live ranges cross the boundary between the sections s - 1 and s. */
  readonly crossings: Int32Array;
  /** How often each section was found to be dead, while `countsDeaths`. */
  readonly deaths: Float64Array;
  countsDeaths = false;
  /** The reasons for each bound and for the last failure. */
  readonly reasons: Reasons;
  /** Heights of the two undo stacks, which together mark a state to return to. */
  placedCount = 0;
  trailCount = 0;

  /** Above every offset and limit, and small enough to add a size in 32 bits. */
  readonly #unlimited: number;
  readonly #placed: Int32Array;
  readonly #stacks: readonly Stack[];
  /** Changes of `lowest`: the buffer, its old value, and the placed buffer that is the reason (-1: the conflict). */
  #trailBuffer: Int32Array;
  #trailLowest: Units;
  #trailReason: Int32Array;
  /** Sections whose members' bounds have changed since they were last checked. */
  #dirtyFrom = 0;
  #dirtyTo = 0;

  constructor(readonly instance: Instance) {
    const { count, sectionCount, sizes, first, other } = instance;
    const Columns = sizes instanceof Int32Array ? Int32Array : Float64Array;
    this.#unlimited = Columns === Int32Array ? 2 ** 30 : Infinity;
    this.offsets = new Columns(count).fill(UNPLACED);
    this.lowest = new Columns(count);
    this.#stacks = createStacks(instance);
    this.loads = this.#stacks[0].heights;
    const room = 32 * count;
    this.#trailBuffer = new Int32Array(room);
    this.#trailLowest = new Columns(room);
    this.#trailReason = new Int32Array(room);
    this.crossings = new Int32Array(sectionCount + 1);
    this.deaths = new Float64Array(sectionCount);
    this.#placed = new Int32Array(count);
    this.reasons = new Reasons(count, first, other);
    for (let b = 0; b < count; b++) this.#addLoad(b, 1);
  }

  /** Returns to the empty placement, now within `capacity` units; false if no placement can be within it. */
  reset(capacity: number): boolean {
    this.undo(0, 0);
    this.capacity = capacity;
    const { count, sizes, fixed, sectionCount } = this.instance;
    for (let b = 0; b < count; b++) {
      this.lowest[b] = fixed === null || fixed[b] < 0 ? 0 : fixed[b];
      if (this.lowest[b] + sizes[b] > capacity) return false;
    }
    this.#dirtyFrom = 0;
    this.#dirtyTo = sectionCount;
    return this.#propagate(0, sectionCount);
  }

  /** Places a buffer at its lowest offset. On failure the conflict says why, and the caller undoes. */
  place(b: number, from: number, to: number): boolean {
    const { sizes, starts, ends, first, other } = this.instance;
    const { offsets, lowest, reasons } = this;
    const top = lowest[b] + sizes[b];
    offsets[b] = lowest[b];
    lowest[b] = this.#unlimited;
    this.#placed[this.placedCount++] = b;
    reasons.setPlaced(b);
    this.#addLoad(b, -1);
    this.#dirtyFrom = starts[b];
    this.#dirtyTo = ends[b];
    for (let e = first[b]; e < first[b + 1]; e++) {
      const y = other[e];
      if (lowest[y] >= top) continue;
      const bound = alignedFrom(this.instance, top, y);
      if (!this.#fits(y, bound)) {
        reasons.conflict.fill(0);
        reasons.blame(b);
        reasons.blameReasonsOf(y);
        return false;
      }
      this.#push(y, b);
      lowest[y] = bound;
      if (starts[y] < this.#dirtyFrom) this.#dirtyFrom = starts[y];
      if (ends[y] > this.#dirtyTo) this.#dirtyTo = ends[y];
    }
    return this.#propagate(from, to);
  }

  /**
   * Rules out the lowest offset of an unplaced buffer, which then rests on an unplaced neighbour in any canonical
   * solution. The conflict holds the reasons on entry, and the reasons of a failure.
   */
  raise(b: number, from: number, to: number): boolean {
    const { sizes, first, other, starts, ends } = this.instance;
    const { offsets, lowest, reasons } = this;
    const refused = lowest[b];
    let bound = this.capacity + 1;
    for (let e = first[b]; e < first[b + 1]; e++) {
      const y = other[e];
      if (offsets[y] !== UNPLACED) continue;
      const top = lowest[y] + sizes[y];
      if (top < bound && top > refused) bound = top;
      reasons.blameReasonsOf(y);
    }
    reasons.blameReasonsOf(b);
    reasons.blamePlacedNeighboursOf(b);
    bound = alignedFrom(this.instance, bound, b);
    if (!this.#fits(b, bound)) return false;
    this.#push(b, -1);
    lowest[b] = bound;
    this.#dirtyFrom = starts[b];
    this.#dirtyTo = ends[b];
    return this.#propagate(from, to);
  }

  /** Raises the unplaced buffers `members` to `bounds`. The conflict on entry holds the reasons. */
  raiseTo(members: Int32Array, bounds: Float64Array, from: number, to: number): boolean {
    const { lowest } = this;
    for (let i = 0; i < members.length; i++) {
      const b = members[i];
      if (bounds[i] === lowest[b]) continue;
      if (!this.#fits(b, bounds[i])) return false;
      this.#push(b, -1);
      lowest[b] = bounds[i];
    }
    this.#dirtyFrom = from;
    this.#dirtyTo = to;
    return this.#propagate(from, to);
  }

  /** Forgets everything after the given heights of the two stacks. */
  undo(trailCount: number, placedCount: number): void {
    const { lowest, reasons, offsets } = this;
    while (this.placedCount > placedCount) {
      const b = this.#placed[--this.placedCount];
      this.#addLoad(b, 1);
      lowest[b] = offsets[b];
      offsets[b] = UNPLACED;
      reasons.clearPlaced(b);
    }
    while (this.trailCount > trailCount) {
      const t = --this.trailCount;
      const b = this.#trailBuffer[t];
      const reason = this.#trailReason[t];
      lowest[b] = this.#trailLowest[t];
      if (reason >= 0) reasons.remove(b, reason);
      else reasons.restore(b);
    }
  }

  /** Checks the sections whose members have been raised, and what follows, within `[from, to)`. */
  #propagate(from: number, to: number): boolean {
    const stacks = this.#stacks;
    while (this.#dirtyFrom < this.#dirtyTo) {
      const first = this.#dirtyFrom < from ? from : this.#dirtyFrom;
      const end = this.#dirtyTo > to ? to : this.#dirtyTo;
      this.#dirtyFrom = this.instance.sectionCount;
      this.#dirtyTo = 0;
      for (let i = 0; i < stacks.length; i++) if (!this.#checkStacks(stacks[i], first, end)) return false;
    }
    return true;
  }

  /** Whether some member of each section can be at the bottom of its stack. If only one can, it goes there. */
  #checkStacks(stack: Stack, from: number, to: number): boolean {
    const { lowest, capacity } = this;
    const { memberFirst, members, joinedFirst, joined } = this.instance;
    const { heights, slack, padded, watchA, watchB } = stack;
    // Sections in a row often share one candidate: its limit when its neighbours were raised, and the lowest rival.
    let alone = -1;
    let aloneLimit = 0;
    let rival = 0;
    let trailCount = 0;
    for (let s = from; s < to; s++) {
      if (heights[s] === 0) continue;
      const limit = capacity - heights[s] + slack[s];
      const a = watchA[s];
      const b = watchB[s];
      const aHolds = lowest[a] <= limit;
      const bHolds = a !== b && lowest[b] <= limit;
      if (aHolds && bHolds) {
        alone = -1;
        continue;
      }
      let one = aHolds ? a : bHolds ? b : -1;
      let two = -1;
      const onlyJoined = one >= 0 && one === alone && rival > limit;
      if (!onlyJoined) rival = this.#unlimited;
      const list = onlyJoined ? joined : members;
      const listFirst = onlyJoined ? joinedFirst : memberFirst;
      for (let e = listFirst[s]; e < listFirst[s + 1] && two < 0; e++) {
        const y = list[e];
        if (y === one || padded[y] === 0) continue;
        if (lowest[y] > limit) {
          if (lowest[y] < rival) rival = lowest[y];
        } else if (one < 0) one = y;
        else two = y;
      }
      if (one < 0) {
        if (this.countsDeaths) this.deaths[s]++;
        this.#blameStack(stack, s);
        return false;
      }
      watchA[s] = one;
      watchB[s] = two < 0 ? one : two;
      const isKnown = one === alone && limit >= aloneLimit && trailCount === this.trailCount;
      alone = two < 0 ? one : -1;
      if (two >= 0 || isKnown) continue;
      if (!this.#putUnderneath(one, limit, stack, s)) return false;
      aloneLimit = limit;
      trailCount = this.trailCount;
    }
    return true;
  }

  /** Raises the neighbours that do not fit below buffer `b`, which starts at `limit` at most. */
  #putUnderneath(b: number, limit: number, stack: Stack, section: number): boolean {
    const { sizes, starts, ends, first, other } = this.instance;
    const { lowest } = this;
    const top = lowest[b] + sizes[b];
    let blamed = false;
    for (let e = first[b]; e < first[b + 1]; e++) {
      const y = other[e];
      if (lowest[y] >= top || lowest[y] + sizes[y] <= limit) continue;
      if (!blamed) this.#blameStack(stack, section);
      blamed = true;
      const bound = alignedFrom(this.instance, top, y);
      if (!this.#fits(y, bound)) {
        this.reasons.blameReasonsOf(y);
        return false;
      }
      this.#push(y, -1);
      lowest[y] = bound;
      if (starts[y] < this.#dirtyFrom) this.#dirtyFrom = starts[y];
      if (ends[y] > this.#dirtyTo) this.#dirtyTo = ends[y];
    }
    return true;
  }

  #fits(b: number, offset: number): boolean {
    const { fixed, sizes } = this.instance;
    return fixed !== null && fixed[b] >= 0 ? offset <= fixed[b] : offset + sizes[b] <= this.capacity;
  }

  #addLoad(b: number, sign: 1 | -1): void {
    const { starts, ends } = this.instance;
    for (let s = starts[b] + 1; s < ends[b]; s++) this.crossings[s] += sign;
    for (let i = 0; i < this.#stacks.length; i++) changeHeights(this.#stacks[i], this.instance, b, sign);
  }

  #blameStack({ padded }: Stack, s: number): void {
    const { memberFirst, members } = this.instance;
    this.reasons.conflict.fill(0);
    for (let e = memberFirst[s]; e < memberFirst[s + 1]; e++) {
      const b = members[e];
      if (this.offsets[b] === UNPLACED && padded[b] > 0) this.reasons.blameReasonsOf(b);
    }
  }

  /** Records the bound of `b` before a change. Its new reason is the placed buffer `reason`, or if -1 the conflict. */
  #push(b: number, reason: number): void {
    if (this.trailCount === this.#trailBuffer.length) {
      this.#trailBuffer = grown(this.#trailBuffer);
      this.#trailLowest = grown(this.#trailLowest);
      this.#trailReason = grown(this.#trailReason);
    }
    const t = this.trailCount++;
    this.#trailBuffer[t] = b;
    this.#trailLowest[t] = this.lowest[b];
    this.#trailReason[t] = reason;
    if (reason >= 0) this.reasons.add(b, reason);
    else this.reasons.addConflict(b);
  }
}
