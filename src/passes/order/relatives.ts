/**
 * Which jobs come before a job, or after it, in every order.
 */
import { addAll, addTo, wordsOf } from './bits.js';
import { itemsOf, type Lists } from './lists.js';

/** For more jobs than these the sets would be too large. */
export const MOST_RELATED = 16_384;

/** The sets of jobs that can be reached, one for each job: O(jobs · links / 32). */
export class Relatives {
  readonly #words: number;
  readonly #sets: Int32Array;

  /**
   * @param links from each job to others, all before it or all after it
   * @param isUpward whether they lead to jobs before it
   */
  constructor(links: Lists, isUpward: boolean) {
    const count = links.first.length - 1;
    this.#words = wordsOf(count);
    this.#sets = new Int32Array(count * this.#words);
    for (let index = 0; index < count; index++) {
      const job = isUpward ? index : count - 1 - index;
      const set = this.of(job);
      for (const other of itemsOf(links, job)) {
        addAll(set, this.of(other));
        addTo(set, other);
      }
    }
  }

  of(job: number): Int32Array {
    return this.#sets.subarray(job * this.#words, (job + 1) * this.#words);
  }
}
