/**
 * The option `allocator`: the name of one that the library has, or one of the caller's own, whose answers are checked.
 *
 * Invariant: the check of an answer shares no code with allocators; the library's own are checked by its tests.
 */
import { checkArgument, checkChoice, named, PlannerError } from '../errors.js';
import type { Problem } from '../problem/problem.js';
import { ALLOCATORS, type AllocatorName } from '../solver/allocators.js';
import type { Allocator, Placement, PlaceOptions } from '../solver/allocator.js';
import { verifyPlacement } from '../verify/placement.js';

/** The allocator that the option means. @throws PlannerError `BAD_ARGUMENT` */
export function resolveAllocator(choice: AllocatorName | Allocator): Allocator {
  if (typeof choice === 'string') {
    checkChoice('allocator', choice, Object.keys(ALLOCATORS));
    return ALLOCATORS[choice];
  }
  const { name, place } = Object(choice) as Partial<Record<keyof Allocator, unknown>>;
  const isAllocator = typeof name === 'string' && name !== '' && typeof place === 'function';
  const remedy = 'Give a name and a function from problem to placement, or name one of the library.';
  checkArgument(isAllocator, 'allocator', choice, 'an Allocator: { name, place }', remedy);
  const isOther = !isOwn(choice) || !Object.hasOwn(ALLOCATORS, name);
  checkArgument(
    isOther,
    'allocator.name',
    name,
    'none of the library’s names',
    'Call an allocator of your own otherwise.',
  );
  return choice;
}

/** Where the allocator puts the buffers. @throws PlannerError `BAD_ARGUMENT` if an allocator of the caller's own is wrong */
export function placeWith(allocator: Allocator, problem: Problem, limits: PlaceOptions): Placement {
  const placement = allocator.place(problem, limits);
  if (!isOwn(allocator)) return placement;
  const [violation] = verifyPlacement(problem, placement, { ...limits, maxViolations: 1 });
  if (violation !== undefined) {
    const culprit = `placement of ${allocator.name}`;
    throw new PlannerError('BAD_ARGUMENT', {
      message: `The ${culprit} is wrong: ${violation.message}.`,
      culprit,
      value: violation.message,
      limit: 'one that verifyPlacement finds nothing wrong with',
      remedy: `Check ${named(allocator.name)} with verifyPlacement on the problems of tensor-arena/testing.`,
    });
  }
  const { offsets, chunkOf, chunks } = placement;
  return { offsets, chunkOf, chunks }; // a lower bound that it claims is not proven
}

function isOwn(allocator: Allocator): boolean {
  return !Object.values<Allocator>(ALLOCATORS).includes(allocator);
}
