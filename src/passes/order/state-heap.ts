/**
 * States by a number, the smallest first: a binary heap. Ties go to the state that was reached first.
 */

/** What has a number for each state. */
export interface Keys {
  readonly keys: Float64Array | number[];
}

export class StateHeap {
  readonly #states: number[] = [];
  readonly #store: Keys;

  /** @param store keeps the number of each state that is in the heap, as its key */
  constructor(store: Keys) {
    this.#store = store;
  }

  /** The smallest number; `Infinity` if the heap is empty. */
  get least(): number {
    return this.#states.length === 0 ? Infinity : this.#store.keys[this.#states[0]];
  }

  push(state: number, key: number): void {
    this.#store.keys[state] = key;
    const states = this.#states;
    let at = states.push(state) - 1;
    while (at > 0) {
      const parent = Math.floor((at - 1) / 2);
      if (!this.#isBefore(states[at], states[parent])) break;
      [states[at], states[parent]] = [states[parent], states[at]];
      at = parent;
    }
  }

  /** Takes out the state with the smallest number; the heap must not be empty. */
  pop(): number {
    const states = this.#states;
    const [top] = states;
    const last = states.pop()!;
    if (states.length === 0) return top;
    states[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < states.length && this.#isBefore(states[child], states[least])) least = child;
      }
      if (least === at) return top;
      [states[at], states[least]] = [states[least], states[at]];
      at = least;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const { keys } = this.#store;
    return keys[a] < keys[b] || (keys[a] === keys[b] && a < b);
  }
}
