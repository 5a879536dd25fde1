/**
 * The limits that checks are given, and how many violations they report.
 *
 * Invariant: `NaN` or a negative limit is an error: it would silently disable the check.
 */
import { checkArgument, checkChoice, checkOptions, type OptionNames } from '../errors.js';
import type { Graph } from '../graph/graph.js';
import { checkPoolOfEach, checkPools, type Pools } from '../graph/pools.js';
import { checkAlignment } from '../units.js';

/** The limits that a plan or a placement is checked against. */
interface Limits {
  readonly alignment?: number;
  readonly maxChunkSize?: number;
  readonly allowOversize?: boolean;
  readonly maxViolations?: number;
}

/**
 * Violations that are reported by default. If n tensors lie in one place, n² / 2 pairs collide: a list of them all
 * could exceed the memory.
 */
export const MAX_VIOLATIONS = 10_000;

/** @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT` */
export function checkLimits<T extends Limits>(limits: T, names: OptionNames<T>): void {
  checkOptions(limits, names, 'limits');
  const { alignment = 1, maxChunkSize = Infinity, allowOversize = false } = limits;
  checkAlignment(alignment);
  checkCount('maxChunkSize', maxChunkSize, 'no limit');
  checkChoice('allowOversize', allowOversize, [true, false]);
  checkMaxViolations(limits);
}

/**
 * @param limits must not have what each pool has of its own
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`
 */
export function checkGivenPools({ tensors }: Graph, pools: Pools, limits: Limits = {}): void {
  checkPools(pools);
  checkPoolOfEach(pools, tensors.length);
  for (const name of ['alignment', 'maxChunkSize'] as const) {
    const remedy = `Leave out \`${name}\`: each pool has its own.`;
    checkArgument(limits[name] === undefined, name, limits[name], 'left out with pools', remedy);
  }
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkMaxViolations({ maxViolations = MAX_VIOLATIONS }: Pick<Limits, 'maxViolations'>): void {
  checkCount('maxViolations', maxViolations, '10,000');
}

function checkCount(culprit: string, value: number, byDefault: string): void {
  const isCount = value === Infinity || (Number.isSafeInteger(value) && value >= 1);
  checkArgument(isCount, culprit, value, 'an integer from 1 to 2^53 - 1', `Leave it out for ${byDefault}.`);
}
