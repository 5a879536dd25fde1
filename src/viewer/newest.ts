/**
 * Work that takes a while and is asked for more often than it can be done: only the newest wish waits.
 *
 *     ask   1 2 3 4 . . . 5
 *     runs  1───── 4───── 5───     2 and 3 are never run
 *
 * Invariant: for one owner at most one task runs. A task of another owner may never end, and holds up nothing.
 */
export class Newest<Owner> {
  #owner: Owner | null = null;
  #isAsked = false;

  /** Runs `task` now, or once more when the one that is running for this owner has ended. */
  ask(owner: Owner, task: (owner: Owner) => Promise<void>): void {
    this.#isAsked = true;
    if (this.#owner !== owner) void this.#run(owner, task);
  }

  async #run(owner: Owner, task: (owner: Owner) => Promise<void>): Promise<void> {
    this.#owner = owner;
    try {
      while (this.#isAsked && this.#owner === owner) {
        this.#isAsked = false;
        await task(owner);
      }
    } finally {
      if (this.#owner === owner) this.#owner = null;
    }
  }
}
