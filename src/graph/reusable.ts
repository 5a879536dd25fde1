/**
 * Which operands a node may reuse, as far as the graph's structure decides it: by the rule of the dialect's own program, and by the operation's row.
 *
 * Invariant: a reusable operand has the layout of the result, and nothing else that the node reads of the same storage is
 * needed once the first element of the result is written.
 */
import { sameLayout } from '../tensor/layout.js';
import type { Tensor } from '../tensor/tensor.js';

/** By which rule a node may reuse one of its operands; an entry of `reusable` holds a sum of these. */
export const REUSABLE = {
  /** By the rule of the dialect's own program: any operand of the same layout. */
  any: 1,
  /** By the operation's row, also through views that start where the storage does, and for repeated operands. */
  full: 2,
} as const;

/** So many sources are compared with each other; of more, which a graph file may give, a map is made. */
const FEW_SOURCES = 10;

type Slots = readonly number[] | ReadonlySet<number>;

/**
 * Fills the entries of one node in `reusable`, from `entry` on: one for each source that is neither null nor the node.
 *
 * @param node owns its storage
 */
export function fillReusable(node: Tensor, entry: number, reusable: Uint8Array): void {
  const { operation, reuseRule, sources, overwritableSlots: slots } = node;
  // An operation that the library does not know may do what its dialect lets it do, and no more.
  const isUnknown = slots.length === 0 && (operation === null || !operation.isKnown);
  const reusesAny = reuseRule?.reusesAny ?? operation?.reusesAny ?? false;
  if (slots.length === 0 && !(isUnknown && reusesAny)) return;
  const overwrites = slots.length > FEW_SOURCES ? new Set(slots) : slots;
  const counts = sources.length > FEW_SOURCES ? countReadings(node, overwrites) : null;
  for (let slot = 0; slot < sources.length; slot++) {
    const source = sources[slot];
    if (source === null || source === node) continue;
    const at = entry++;
    if (!sameLayout(node, source)) continue;
    const { root } = source;
    if (root.memory !== 'deferred' || root.storageBytes < node.storageBytes) continue;
    const count = counts === null ? countReading(node, root, overwrites) : counts.get(root)!;
    // A dialect's program takes any operand of the same layout. Where that gives wrong results, it is not followed.
    const isSound = isUnknown || isAmong(overwrites, slot);
    const any = reusesAny && isSound && source === root && Math.abs(count) === 1;
    const full = isUnknown ? any : count > 0 && source.viewOffset === 0;
    reusable[at] = (any ? REUSABLE.any : 0) + (full ? REUSABLE.full : 0);
  }
}

function isAmong(slots: Slots, slot: number): boolean {
  return slots instanceof Set ? slots.has(slot) : (slots as readonly number[]).includes(slot);
}

/**
 * Through how many slots `node` reads the storage that `root` owns: above zero only if it may overwrite what is in all of
 * them, and all look at the same bytes in the same way. O(sources).
 */
function countReading(node: Tensor, root: Tensor, overwrites: Slots): number {
  const { sources } = node;
  let first: Tensor | null = null;
  let count = 0;
  let areOne = true;
  for (let slot = 0; slot < sources.length; slot++) {
    const source = sources[slot];
    if (source === null || source === node || source.root !== root) continue;
    first ??= source;
    count++;
    areOne &&= isAmong(overwrites, slot) && looksAlike(source, first);
  }
  return areOne ? count : -count;
}

/** The same for every storage that `node` reads. O(sources) for all of them. */
function countReadings(node: Tensor, overwrites: Slots): ReadonlyMap<Tensor, number> {
  const firsts = new Map<Tensor, Tensor>();
  const counts = new Map<Tensor, number>();
  node.sources.forEach((source, slot) => {
    if (source === null || source === node) return;
    const { root } = source;
    const first = firsts.get(root) ?? source;
    firsts.set(root, first);
    const count = counts.get(root) ?? 0;
    const areOne = count >= 0 && isAmong(overwrites, slot) && looksAlike(source, first);
    counts.set(root, areOne ? count + 1 : -Math.abs(count) - 1);
  });
  return counts;
}

function looksAlike(a: Tensor, b: Tensor): boolean {
  return a === b || (a.viewOffset === b.viewOffset && sameLayout(a, b));
}
