/** Repeated timing: the same call many times, after a warm-up, as order statistics. */

export interface Timing {
  readonly medianMs: number;
  readonly bestMs: number;
}

/** Times `call` for about `budgetMs`, at least `leastCount` times, after a third of that as warm-up. */
export function timeOf(call: () => unknown, budgetMs = 300, leastCount = 20): Timing {
  const repeat = (budget: number): number[] => {
    const times: number[] = [];
    const end = performance.now() + budget;
    for (let now = performance.now(); now < end || times.length < leastCount;) {
      call();
      const after = performance.now();
      times.push(after - now);
      now = after;
    }
    return times.sort((a, b) => a - b);
  };
  repeat(budgetMs / 3);
  const times = repeat(budgetMs);
  return { medianMs: times[Math.floor(times.length / 2)], bestMs: times[0] };
}
