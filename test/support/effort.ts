/**
 * How long work takes in units of a fixed computation on the same machine, so that a bound on it says something of the
 * work and nothing of the machine, nor of what else runs there.
 */
import { expect } from 'vitest';

/** Rounds of one unit: about a millisecond on the machines of 2026. */
const UNIT_ROUNDS = 600_000;
/** No machine is so fast, microseconds: work within this time a unit needs no comparison. */
const LEAST_UNIT = 100;

/** Fails unless `work` takes less CPU time of this process than `limit` units. */
export async function withinUnits<T>(limit: number, work: () => T | Promise<T>): Promise<T> {
  const before = process.cpuUsage();
  try {
    return await work();
  } finally {
    const used = cpuTimeSince(before);
    if (used > limit * LEAST_UNIT) expect(used / unitTime(), 'units of work').toBeLessThan(limit);
  }
}

/** Microseconds for one unit: the median of several. */
function unitTime(): number {
  const times = Array.from({ length: 9 }, () => {
    const before = process.cpuUsage();
    let state = 1;
    for (let round = 0; round < UNIT_ROUNDS; round++) state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    expect(state).not.toBe(0.5); // so that no compiler leaves the loop out
    return cpuTimeSince(before);
  });
  return Math.max(LEAST_UNIT, times.sort((a, b) => a - b)[4]);
}

function cpuTimeSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
