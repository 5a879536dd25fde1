/**
 * The nodes that a runtime computes at once in any of several graphs of one structure: which shapes agree decides it, so it
 * may differ from graph to graph.
 */
import type { FusedGroups } from '../liveness/groups.js';

/** By the step at which groups end, the ids of the storages that they read. */
type RootsByStep = ReadonlyMap<number, ReadonlySet<number>>;

/** The groups of two graphs of one structure: storages are kept for all of them. O(groups). */
export function mergeGroups(one: FusedGroups | null, other: FusedGroups | null): FusedGroups | null {
  if (one === null || other === null) return one ?? other;
  const [a, b] = [rootsByStep(one), rootsByStep(other)];
  const lastSteps = [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x - y);
  const rootsOf = lastSteps.map((step) => [...new Set([...(a.get(step) ?? []), ...(b.get(step) ?? [])])]);
  const first = new Int32Array(lastSteps.length + 1);
  rootsOf.forEach((roots, index) => {
    first[index + 1] = first[index] + roots.length;
  });
  const refused = mergeRefusals(one.refused, other.refused);
  return { lastSteps: Int32Array.from(lastSteps), first, roots: Int32Array.from(rootsOf.flat()), refused };
}

function mergeRefusals(one: Uint8Array | null, other: Uint8Array | null): Uint8Array | null {
  if (one === null || other === null) return one ?? other;
  return one.map((value, entry) => Math.max(value, other[entry]));
}

function rootsByStep({ lastSteps, first, roots }: FusedGroups): RootsByStep {
  const byStep = new Map<number, ReadonlySet<number>>();
  lastSteps.forEach((step, index) => byStep.set(step, new Set(roots.subarray(first[index], first[index + 1]))));
  return byStep;
}

/** The step at which a group of `other` ends that `reserved` has not kept its operands for; null if there is none. O(groups). */
export function firstNewGroup(reserved: FusedGroups | null, other: FusedGroups | null): number | null {
  if (other === null) return null;
  let at = 0;
  for (let index = 0; index < other.lastSteps.length; index++) {
    const step = other.lastSteps[index];
    while (reserved !== null && reserved.lastSteps[at] < step) at++;
    if (reserved?.lastSteps[at] !== step || !hasRoots(reserved, at, other, index)) return step;
  }
  return null;
}

/** Whether a group keeps all that another one reads: mostly the same lists. */
function hasRoots(reserved: FusedGroups, at: number, other: FusedGroups, index: number): boolean {
  const [from, to] = [reserved.first[at], reserved.first[at + 1]];
  for (let i = other.first[index], expected = from; i < other.first[index + 1]; i++, expected++) {
    const root = other.roots[i];
    if (expected < to && reserved.roots[expected] === root) continue;
    const found = reserved.roots.indexOf(root, from);
    if (found === -1 || found >= to) return false;
  }
  return true;
}
