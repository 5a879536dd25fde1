/**
 * Which reuses to choose where the choice of liveness leaves an excess over the lower bound.
 *
 *     a  ▒▒▒▒▒▒           A node that reuses an operand gets its offset, too. The result c of a and b can go where a
 *     b  ▒▒▒▒▒▒▒          is, where b is, or elsewhere: the other buffers may leave room in only one of these places.
 *     c        ▒▒▒▒▒
 *
 * Liveness takes the choice with the least live load. If its placement is no larger than that load, no other choice is
 * better. Otherwise other choices are tried: first for all nodes at once, then for one node after another, then for two
 * nodes at once.
 *
 * Invariant: the result is deterministic and never larger than the given placement; {@link MOST_WORK} bounds the
 * effort.
 */
import { placementSize, type Placement, type PlaceOptions } from '../solver/allocator.js';
import { auto } from '../solver/search/auto.js';
import { solve } from '../solver/search/solve.js';
import type { GraphTable } from '../graph/table.js';
import type { FusedGroups } from '../liveness/groups.js';
import { analyzeLiveness, canReuse, storageEndsOf, type Liveness } from '../liveness/liveness.js';
import { liveLoad } from '../problem/lower-bound.js';

/** A choice of reuses, with its placement. */
export interface PlacedChoice {
  readonly liveness: Liveness;
  readonly placement: Placement;
}

/** Limit of the choices tried times the buffers. */
const MOST_WORK = 20_000;
/** Search effort for one choice. */
const TRIAL_EFFORT = 300;

/** The best choice found, starting from `first`, in which every node reuses what it can. */
export function improveReuse(
  table: GraphTable,
  alignment: number,
  options: PlaceOptions,
  groups: FusedGroups | null,
  first: PlacedChoice,
): PlacedChoice {
  const bound = liveLoad(first.liveness.problem).bytes;
  if (placementSize(first.placement) <= bound) return first;
  // What the runtime's groups refuse stays refused in every choice.
  const never = groups?.refused ?? new Uint8Array(table.sources.length);
  const candidates = candidatesByNode(table, never);
  let triesLeft = Math.floor(MOST_WORK / first.liveness.problem.bufferCount);
  let best = first;
  let choice = never;

  const attempt = (refused: Uint8Array): boolean => {
    triesLeft--;
    const size = placementSize(best.placement);
    const liveness = analyzeLiveness(table, 'full', alignment, groups, refused);
    if (liveLoad(liveness.problem).bytes >= size) return false;
    const placement = solve(liveness.problem, { ...options, capacity: size - 1, maxEffort: TRIAL_EFFORT });
    if (placement.bufferSize >= size) return false;
    best = { liveness, placement };
    choice = refused;
    return true;
  };
  const isOver = (): boolean => triesLeft <= 0 || placementSize(best.placement) <= bound;

  /** Tries one choice after another, each made from the best so far. Returns whether any was better. */
  const attemptAll = (choices: Iterable<Uint8Array>): boolean => {
    let improved = false;
    for (const refused of choices) {
      if (isOver()) return false;
      if (attempt(refused)) improved = true;
    }
    return improved;
  };
  const current = (): Uint8Array => choice;

  attemptAll(wholeChoices(candidates, never));
  while (attemptAll(changesOfOne(candidates, current)) || attemptAll(changesOfTwo(candidates, current)));
  return best === first ? first : polished(best, options);
}

/** Storages that a node may reuse, each as the entries of `sources` that read it. */
type Candidates = readonly (readonly number[])[];

/** The candidates of each node that may reuse a storage, the node with the largest storage first. */
function candidatesByNode(table: GraphTable, never: Uint8Array): Candidates[] {
  const { nodes, sourceFirst, sources, roots, sizes } = table;
  const storageEnds = storageEndsOf(table);
  const candidates: Candidates[] = [];
  for (const node of nodes) {
    const entriesOf = new Map<number, number[]>();
    for (let entry = sourceFirst[node]; entry < sourceFirst[node + 1]; entry++) {
      if (never[entry] === 1 || !canReuse(table, node, entry, 'full', storageEnds)) continue;
      const root = roots[sources[entry]];
      entriesOf.set(root, [...(entriesOf.get(root) ?? []), entry]);
    }
    if (entriesOf.size > 0) candidates.push([...entriesOf.values()]);
  }
  const sizeOf = ([[entry]]: Candidates): number => sizes[roots[sources[entry]]];
  return candidates.sort((a, b) => sizeOf(b) - sizeOf(a));
}

/** Two choices for all nodes at once: no reuse at all, and only the last candidate of each node. */
function wholeChoices(candidates: readonly Candidates[], never: Uint8Array): Uint8Array[] {
  const none = never.slice();
  const last = never.slice();
  for (const ofNode of candidates) {
    for (const entry of ofNode.flat()) none[entry] = 1;
    for (const entry of ofNode.slice(0, -1).flat()) last[entry] = 1;
  }
  return [none, last];
}

/** Changes one node after another, each in the choice that is `current` at its turn. */
function* changesOfOne(candidates: readonly Candidates[], current: () => Uint8Array): Generator<Uint8Array> {
  for (const ofNode of candidates) yield* otherChoices(ofNode, current());
}

/** Changes two nodes at once, each pair in the choice that is `current` at its turn. */
function* changesOfTwo(candidates: readonly Candidates[], current: () => Uint8Array): Generator<Uint8Array> {
  for (const [index, ofNode] of candidates.entries()) {
    for (const other of candidates.slice(0, index)) {
      for (const refused of otherChoices(ofNode, current())) yield* otherChoices(other, refused);
    }
  }
}

/** The other choices for one node: reuse another of its candidates, or none. */
function* otherChoices(ofNode: Candidates, choice: Uint8Array): Generator<Uint8Array> {
  for (const taken of [null, ...ofNode]) {
    const refused = choice.slice();
    for (const entries of ofNode) for (const entry of entries) refused[entry] = entries === taken ? 0 : 1;
    if (refused.some((value, entry) => value !== choice[entry])) yield refused;
  }
}

/** Places the choice again, with the effort of the default allocator. */
function polished({ liveness, placement }: PlacedChoice, options: PlaceOptions): PlacedChoice {
  const again = auto.place(liveness.problem, options);
  return { liveness, placement: placementSize(again) <= placementSize(placement) ? again : placement };
}
