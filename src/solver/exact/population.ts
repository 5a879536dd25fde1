/**
 * Priorities of sections, which evolve: each dive of the search follows one set of priorities, rated by how far it led.
 *
 * Dives that solve hard problems hardly ever fail on the way; which dives these are depends on the order in which they
 * visit the sections. So priorities are bred: a child is a copy of a parent, with other values in some sections, with a
 * little noise, or with a stretch of sections from a second parent. Stretches can be combined because the priorities of
 * one stretch of time say little about another.
 *
 * Invariant: the sequence depends only on the number of sections and the ratings, so it is the same on every machine.
 */
import { createRandom } from '../random.js';

/**
 * A seed with middling effort: over 30 seeds, problems A to K together take two thirds to twice the effort of this
 * seed.
 */
const SEED = 8;
const MOST_MEMBERS = 16;
const FEWEST_PARENTS = 4;
/** Largest priority, as a share of the capacity. */
const AMPLITUDE = 0.05;
/** Amplitudes of the first members: no noise, then hardly more than breaks ties. */
const FIRST_AMPLITUDES = [0, 0.005, 0.005, 0.005];
/** How often a member has no parents. */
const FRESH_SHARE = 0.15;
/**
 * How often a child has a stretch of a second parent, or noise in all sections; otherwise some sections are drawn
 * again.
 */
const CROSSING_SHARE = 0.3;
const JITTER_SHARE = 0.3;
const JITTER_AMPLITUDE = 0.2 * AMPLITUDE;
/** The largest share of sections that is drawn again. */
const REDRAWN_SHARE = 0.3;

const AGEING = 0.97;

interface Member {
  readonly priorities: Float64Array;
  rating: number;
}

export class Population {
  /** Priorities of the current dive: one number per section, added to the relative load of the section. */
  readonly priorities: Float64Array;
  readonly #members: Member[] = [];
  readonly #random = createRandom(SEED);
  #drawnCount = 0;

  constructor(sectionCount: number) {
    this.priorities = new Float64Array(sectionCount);
  }

  /** Draws the next priorities. */
  draw(): void {
    const members = this.#members;
    const random = this.#random;
    const first = FIRST_AMPLITUDES[this.#drawnCount++];
    if (first !== undefined) this.#fill(first);
    else if (members.length < FEWEST_PARENTS || random() < FRESH_SHARE) this.#fill(AMPLITUDE);
    else this.#breed();
  }

  /** Rates the current priorities. In a full population they replace the worst member, unless they are worse still. */
  rate(rating: number): void {
    const { priorities } = this;
    const members = this.#members;
    if (members.length < MOST_MEMBERS) {
      members.push({ priorities: priorities.slice(), rating });
      return;
    }
    const worst = members.reduce((least, member) => (member.rating < least.rating ? member : least));
    if (rating < worst.rating) return;
    worst.priorities.set(priorities);
    worst.rating = rating;
  }

  /** Lowers all ratings: the capacity has shrunk, so earlier dives count for less. */
  age(): void {
    for (const member of this.#members) member.rating *= AGEING;
  }

  #fill(amplitude: number): void {
    const { priorities } = this;
    const random = this.#random;
    for (let s = 0; s < priorities.length; s++) priorities[s] = random() * amplitude;
  }

  #breed(): void {
    const { priorities } = this;
    const random = this.#random;
    const count = priorities.length;
    priorities.set(this.#pickMember().priorities);
    const kind = random();
    if (kind < CROSSING_SHARE) {
      const other = this.#pickMember().priorities;
      const [a, b] = [this.#below(count), this.#below(count)];
      for (let s = Math.min(a, b); s < Math.max(a, b); s++) priorities[s] = other[s];
    } else if (kind < CROSSING_SHARE + JITTER_SHARE) {
      const amplitude = JITTER_AMPLITUDE * random();
      for (let s = 0; s < count; s++) priorities[s] += (random() - 0.5) * amplitude;
    } else {
      const share = REDRAWN_SHARE * random();
      for (let s = 0; s < count; s++) if (random() < share) priorities[s] = random() * AMPLITUDE;
    }
  }

  #pickMember(): Member {
    return this.#members[this.#below(this.#members.length)];
  }

  #below(count: number): number {
    return Math.floor(this.#random() * count);
  }
}
