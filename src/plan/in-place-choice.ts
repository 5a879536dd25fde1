/**
 * Which hand-overs to take where those of liveness leave a gap above the bound.
 *
 *     a  ▒▒▒▒▒▒           What takes over a source has its offset, too. The result c of a and b can go where a is, where
 *     b  ▒▒▒▒▒▒▒          b is, or elsewhere, and the other buffers leave room for it in one of these places, perhaps.
 *     c        ▒▒▒▒▒
 *
 * Liveness takes the choice with the least live load. If its placement is that small, no other choice is better. If not,
 * other choices are tried: first for all nodes at once, then for one node after the other.
 *
 * Invariant: never worse than what it is given, and deterministic; the effort is bounded by {@link MOST_WORK}.
 */
import { placementSize, type Placement, type PlaceOptions } from '../alloc/allocator.js';
import { auto } from '../alloc/auto.js';
import { solve } from '../alloc/solve.js';
import type { GraphTable } from '../graph/table.js';
import { analyzeLiveness, canTakeOver, type Liveness } from '../liveness/liveness.js';
import { liveLoad } from '../problem/lower-bound.js';

/** A choice of hand-overs with its placement. */
export interface PlacedChoice {
  readonly liveness: Liveness;
  readonly placement: Placement;
}

/** Choices tried times buffers. */
const MOST_WORK = 20_000;
/** Search steps for one choice. */
const TRIAL_STEPS = 300;

/** The best choice found, starting from `first`, in which every node takes over what it can. */
export function improveInPlace(
  table: GraphTable,
  alignment: number,
  options: PlaceOptions,
  first: PlacedChoice,
): PlacedChoice {
  const bound = liveLoad(first.liveness.problem).bytes;
  if (placementSize(first.placement) <= bound) return first;
  const groups = handOversByNode(table, first.liveness.storageEnds);
  let triesLeft = Math.floor(MOST_WORK / first.liveness.problem.bufferCount);
  let best = first;
  let choice: Uint8Array = new Uint8Array(table.sources.length);

  const attempt = (refused: Uint8Array): boolean => {
    triesLeft--;
    const size = placementSize(best.placement);
    const liveness = analyzeLiveness(table, 'full', alignment, refused);
    if (liveLoad(liveness.problem).bytes >= size) return false;
    const placement = solve(liveness.problem, { ...options, capacity: size - 1, maxSteps: TRIAL_STEPS });
    if (placement.peak >= size) return false;
    best = { liveness, placement };
    choice = refused;
    return true;
  };
  const isOver = (): boolean => triesLeft <= 0 || placementSize(best.placement) <= bound;

  for (const refused of wholeChoices(groups, choice.length)) if (!isOver()) attempt(refused);
  for (let improved = true; improved;) {
    improved = false;
    for (const group of groups) {
      for (const refused of otherChoices(group, choice)) if (!isOver() && attempt(refused)) improved = true;
    }
  }
  return best === first ? first : polished(best, options);
}

/** The entries of `sources` that each node may take over, for nodes that may take any; the largest nodes first. */
function handOversByNode(table: GraphTable, storageEnds: Int32Array): number[][] {
  const { nodes, sourceFirst, sources, roots, sizes } = table;
  const groups: number[][] = [];
  for (const node of nodes) {
    const group: number[] = [];
    for (let entry = sourceFirst[node]; entry < sourceFirst[node + 1]; entry++) {
      const isNew = group.every((other) => roots[sources[other]] !== roots[sources[entry]]);
      if (isNew && canTakeOver(table, node, entry, 'full', storageEnds)) group.push(entry);
    }
    if (group.length > 0) groups.push(group);
  }
  const sizeOf = ([entry]: number[]): number => sizes[roots[sources[entry]]];
  return groups.sort((a, b) => sizeOf(b) - sizeOf(a));
}

/** No hand-over at all; no choice between operands but the last one. */
function wholeChoices(groups: readonly number[][], length: number): Uint8Array[] {
  const none = new Uint8Array(length).fill(1);
  const last = new Uint8Array(length);
  for (const group of groups) for (const entry of group.slice(0, -1)) last[entry] = 1;
  return [none, last];
}

/** What else one node can do: take over one of its sources, or none. */
function* otherChoices(group: readonly number[], choice: Uint8Array): Generator<Uint8Array> {
  for (const taken of [-1, ...group]) {
    const refused = choice.slice();
    for (const entry of group) refused[entry] = entry === taken ? 0 : 1;
    if (refused.some((value, entry) => value !== choice[entry])) yield refused;
  }
}

/** With the effort that the default allocator takes. */
function polished({ liveness, placement }: PlacedChoice, options: PlaceOptions): PlacedChoice {
  const again = auto.place(liveness.problem, options);
  return { liveness, placement: placementSize(again) <= placementSize(placement) ? again : placement };
}
