/**
 * Priorities of sections that evolve: each dive of the search follows one set of them and tells how far it came.
 *
 * Nearly all solutions of hard problems turn up in dives that hardly ever fail, and which dive does so depends on the order
 * in which it visits the sections. Such orders are bred: a child is a parent with other values in some sections, with
 * a little noise, or with a stretch of sections taken from a second parent, since what is right in one stretch of
 * time says little about another.
 *
 * Invariant: the sequence depends on nothing but the number of sections and the ratings, so it is the same on every machine.
 */
import { createRandom } from '../random.js';

/** One of the middle: with others of 30, A to K take from two thirds to twice as much effort together. */
const SEED = 8;
const MOST_MEMBERS = 16;
const FEWEST_PARENTS = 4;
/** Largest priority, in parts of the capacity. */
const AMPLITUDE = 0.05;
/** The first members: plain, then with hardly more noise than it takes to break ties. */
const FIRST_AMPLITUDES = [0, 0.005, 0.005, 0.005];
/** How often a member has no parents. */
const FRESH_SHARE = 0.15;
/** How often a child has a stretch of a second parent, or noise all over; otherwise some sections are drawn again. */
const CROSSING_SHARE = 0.3;
const JITTER_SHARE = 0.3;
const JITTER_AMPLITUDE = 0.2 * AMPLITUDE;
/** Up to this part of the sections is drawn again. */
const REDRAWN_SHARE = 0.3;

const AGEING = 0.97;

interface Member {
  readonly priorities: Float64Array;
  rating: number;
}

export class Population {
  /** What the current dive follows: one number per section, to be added to its relative load. */
  readonly priorities: Float64Array;
  private readonly members: Member[] = [];
  private readonly random = createRandom(SEED);
  private drawnCount = 0;

  constructor(sectionCount: number) {
    this.priorities = new Float64Array(sectionCount);
  }

  /** Draws the next priorities. */
  draw(): void {
    const { members, random } = this;
    const first = FIRST_AMPLITUDES[this.drawnCount++];
    if (first !== undefined) this.fill(first);
    else if (members.length < FEWEST_PARENTS || random() < FRESH_SHARE) this.fill(AMPLITUDE);
    else this.breed();
  }

  /** Says how far the current priorities led; whoever led less far makes room. */
  rate(rating: number): void {
    const { members, priorities } = this;
    if (members.length < MOST_MEMBERS) {
      members.push({ priorities: priorities.slice(), rating });
      return;
    }
    const worst = members.reduce((least, member) => (member.rating < least.rating ? member : least));
    if (rating < worst.rating) return;
    worst.priorities.set(priorities);
    worst.rating = rating;
  }

  /** The task has become harder: what was achieved before it counts for less. */
  age(): void {
    for (const member of this.members) member.rating *= AGEING;
  }

  private fill(amplitude: number): void {
    const { priorities, random } = this;
    for (let s = 0; s < priorities.length; s++) priorities[s] = random() * amplitude;
  }

  private breed(): void {
    const { priorities, random } = this;
    const count = priorities.length;
    priorities.set(this.pickMember().priorities);
    const kind = random();
    if (kind < CROSSING_SHARE) {
      const other = this.pickMember().priorities;
      const [a, b] = [this.below(count), this.below(count)];
      for (let s = Math.min(a, b); s < Math.max(a, b); s++) priorities[s] = other[s];
    } else if (kind < CROSSING_SHARE + JITTER_SHARE) {
      const amplitude = JITTER_AMPLITUDE * random();
      for (let s = 0; s < count; s++) priorities[s] += (random() - 0.5) * amplitude;
    } else {
      const share = REDRAWN_SHARE * random();
      for (let s = 0; s < count; s++) if (random() < share) priorities[s] = random() * AMPLITUDE;
    }
  }

  private pickMember(): Member {
    return this.members[this.below(this.members.length)];
  }

  private below(count: number): number {
    return Math.floor(this.random() * count);
  }
}
