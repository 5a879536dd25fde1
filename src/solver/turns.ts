/**
 * Runs a search that pauses now and then: at one go, or in turns with other work of the thread.
 */

/** Runs a search to its end. */
export function finish<T>(search: Generator<void, T>): T {
  for (;;) {
    const { done, value } = search.next();
    if (done) return value;
  }
}

/** Milliseconds between two turns of other work. */
const TURN_MS = 20;

/** The same, but other work of the thread gets a turn every 20 ms or so. */
export async function finishInTurns<T>(search: Generator<void, T>): Promise<T> {
  for (let turnEnd = performance.now() + TURN_MS; ;) {
    const { done, value } = search.next();
    if (done) return value;
    if (performance.now() < turnEnd) continue;
    await new Promise((resolve) => setTimeout(resolve, 0));
    turnEnd = performance.now() + TURN_MS;
  }
}
