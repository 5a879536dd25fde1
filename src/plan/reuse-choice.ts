/**
 * Which hand-overs to take where those of liveness leave a gap above the bound.
 *
 *     a  ▒▒▒▒▒▒           What takes over a source has its offset, too. The result c of a and b can go where a is, where
 *     b  ▒▒▒▒▒▒▒          b is, or elsewhere, and the other buffers leave room for it in one of these places, perhaps.
 *     c        ▒▒▒▒▒
 *
 * Liveness takes the choice with the least live load. If its placement is that small, no other choice is better. If not,
 * other choices are tried: first for all nodes at once, then for one node after the other, then for two.
 *
 * Invariant: never worse than what it is given, and deterministic; the effort is bounded by {@link MOST_WORK}.
 */
import { placementSize, type Placement, type PlaceOptions } from '../solver/allocator.js';
import { auto } from '../solver/search/auto.js';
import { solve } from '../solver/search/solve.js';
import type { GraphTable } from '../graph/table.js';
import type { FusedGroups } from '../liveness/groups.js';
import { analyzeLiveness, canReuse, storageEndsOf, type Liveness } from '../liveness/liveness.js';
import { liveLoad } from '../problem/lower-bound.js';

/** A choice of hand-overs with its placement. */
export interface PlacedChoice {
  readonly liveness: Liveness;
  readonly placement: Placement;
}

/** Choices tried times buffers. */
const MOST_WORK = 20_000;
/** Search effort for one choice. */
const TRIAL_EFFORT = 300;

/** The best choice found, starting from `first`, in which every node takes over what it can. */
export function improveReuse(
  table: GraphTable,
  alignment: number,
  options: PlaceOptions,
  fused: FusedGroups | null,
  first: PlacedChoice,
): PlacedChoice {
  const bound = liveLoad(first.liveness.problem).bytes;
  if (placementSize(first.placement) <= bound) return first;
  // What the runtime's groups refuse stays refused in every choice.
  const never = fused?.refused ?? new Uint8Array(table.sources.length);
  const groups = handOversByNode(table, never);
  let triesLeft = Math.floor(MOST_WORK / first.liveness.problem.bufferCount);
  let best = first;
  let choice = never;

  const attempt = (refused: Uint8Array): boolean => {
    triesLeft--;
    const size = placementSize(best.placement);
    const liveness = analyzeLiveness(table, 'full', alignment, fused, refused);
    if (liveLoad(liveness.problem).bytes >= size) return false;
    const placement = solve(liveness.problem, { ...options, capacity: size - 1, maxEffort: TRIAL_EFFORT });
    if (placement.bufferSize >= size) return false;
    best = { liveness, placement };
    choice = refused;
    return true;
  };
  const isOver = (): boolean => triesLeft <= 0 || placementSize(best.placement) <= bound;

  /** Tries one choice after another, each made from the best so far; whether any was better. */
  const attemptAll = (choices: Iterable<Uint8Array>): boolean => {
    let improved = false;
    for (const refused of choices) {
      if (isOver()) return false;
      if (attempt(refused)) improved = true;
    }
    return improved;
  };
  const current = (): Uint8Array => choice;

  attemptAll(wholeChoices(groups, never));
  while (attemptAll(changesOfOne(groups, current)) || attemptAll(changesOfTwo(groups, current)));
  return best === first ? first : polished(best, options);
}

/** What a node may take over: storages, each with the entries of `sources` that read it. */
type Group = readonly (readonly number[])[];

/** What each node may take over, for nodes that may take any; those that may take the largest first. */
function handOversByNode(table: GraphTable, never: Uint8Array): Group[] {
  const { nodes, sourceFirst, sources, roots, sizes } = table;
  const storageEnds = storageEndsOf(table);
  const groups: Group[] = [];
  for (const node of nodes) {
    const entriesOf = new Map<number, number[]>();
    for (let entry = sourceFirst[node]; entry < sourceFirst[node + 1]; entry++) {
      if (never[entry] === 1 || !canReuse(table, node, entry, 'full', storageEnds)) continue;
      const root = roots[sources[entry]];
      entriesOf.set(root, [...(entriesOf.get(root) ?? []), entry]);
    }
    if (entriesOf.size > 0) groups.push([...entriesOf.values()]);
  }
  const sizeOf = ([[entry]]: Group): number => sizes[roots[sources[entry]]];
  return groups.sort((a, b) => sizeOf(b) - sizeOf(a));
}

/** No hand-over at all; no choice between operands but the last one. */
function wholeChoices(groups: readonly Group[], never: Uint8Array): Uint8Array[] {
  const none = never.slice();
  const last = never.slice();
  for (const group of groups) {
    for (const entry of group.flat()) none[entry] = 1;
    for (const entry of group.slice(0, -1).flat()) last[entry] = 1;
  }
  return [none, last];
}

/** One node after the other does something else than in the choice that is `current` when its turn comes. */
function* changesOfOne(groups: readonly Group[], current: () => Uint8Array): Generator<Uint8Array> {
  for (const group of groups) yield* otherChoices(group, current());
}

/** The same for two nodes at once. */
function* changesOfTwo(groups: readonly Group[], current: () => Uint8Array): Generator<Uint8Array> {
  for (const [index, group] of groups.entries()) {
    for (const other of groups.slice(0, index)) {
      for (const refused of otherChoices(group, current())) yield* otherChoices(other, refused);
    }
  }
}

/** What else one node can do: take over one of the storages, or none. */
function* otherChoices(group: Group, choice: Uint8Array): Generator<Uint8Array> {
  for (const taken of [null, ...group]) {
    const refused = choice.slice();
    for (const entries of group) for (const entry of entries) refused[entry] = entries === taken ? 0 : 1;
    if (refused.some((value, entry) => value !== choice[entry])) yield refused;
  }
}

/** With the effort that the default allocator takes. */
function polished({ liveness, placement }: PlacedChoice, options: PlaceOptions): PlacedChoice {
  const again = auto.place(liveness.problem, options);
  return { liveness, placement: placementSize(again) <= placementSize(placement) ? again : placement };
}
