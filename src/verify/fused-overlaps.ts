/**
 * Where does the result of a group lie over an operand that the group still reads?
 *
 *     step          5 n = norm(x)   6 y = n · w         One by one, x has been read at step 5 and y may have its bytes.
 *     x  [64, 192)  ████████████████                    At once, rows of x are read after rows of y have been written:
 *     y  [0, 128)                   ████████████        y's second row is x's first.
 *
 * Invariant: shares only the runtime's rules with the planner. An overlap that is wrong even if nodes run one by one is
 * reported by `findCollisions`.
 */
import type { Graph } from '../graph/graph.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Tensor } from '../tensor/tensor.js';
import { findGroups, inputsOf, mayMeet, type Group } from './fused-groups.js';
import type { Placed } from './plan-collisions.js';
import { labelOf, type PlanViolation } from './plan-violation.js';

/**
 * Every such overlap up to `most`, ordered by the last node of the group. Pairs of storages in `known` are left out.
 */
export function findFusedOverlaps(
  graph: Graph,
  runtime: Runtime,
  placed: readonly Placed[],
  known: readonly PlanViolation[],
  most: number,
): PlanViolation[] {
  const groups = findGroups(graph, runtime);
  if (groups.length === 0) return [];
  const places = new Map(placed.map((place) => [place.tensor, place]));
  const ids = new Map(graph.tensors.map((tensor, id) => [tensor, id]));
  const steps = new Map(graph.nodes.map((node, step) => [node, step]));
  const reported = new Set(known.map(({ ids: [first, second] }) => `${first} ${second}`));
  const violations: PlanViolation[] = [];
  for (const group of groups) {
    const last = group.nodes[group.nodes.length - 1];
    const result = bytesOf(last, places);
    if (result === null) continue;
    for (const input of inputsOf(group)) {
      const read = bytesOf(input.tensor, places);
      if (read?.chunk !== result.chunk || read.to <= result.from || result.to <= read.from) continue;
      if (read.from === result.from && mayMeet(group, input)) continue;
      const id = (tensor: Tensor): number => ids.get(tensor)!;
      const pairs = [input.tensor, input.tensor.root].map((tensor) => `${id(tensor)} ${id(last.root)}`);
      if (pairs.some((pair) => reported.has(pair))) continue;
      reported.add(pairs[0]);
      const step = steps.get(last)!;
      const bytes = [Math.max(read.from, result.from), Math.min(read.to, result.to)] as const;
      const where = `bytes [${bytes[0]}, ${bytes[1]}) of chunk ${result.chunk} at step ${step}`;
      const label = `${labelOf(input.tensor, id(input.tensor))}, which ${labelOf(input.reader, id(input.reader))} reads,`;
      const what = `${runtime.name} may compute ${labelGroup(group, ids)} at once`;
      const message = `fused-overlap: ${label} and ${labelOf(last, id(last))} share ${where}, but ${what}`;
      const concerned = [id(input.tensor), id(last)];
      violations.push({ kind: 'fused-overlap', ids: concerned, steps: [step, step + 1], bytes, message });
    }
  }
  return violations.sort((a, b) => a.steps![0] - b.steps![0]).slice(0, Math.max(0, most));
}

/** How messages name the nodes of a group. */
export function labelGroup({ nodes }: Group, ids: ReadonlyMap<Tensor, number>): string {
  return nodes.map((node) => labelOf(node, ids.get(node)!)).join(' and ');
}

/** Where the bytes of a tensor are; for a root, all bytes of its storage. Null if they are not in the arena. */
function bytesOf(
  tensor: Tensor,
  places: ReadonlyMap<Tensor, Placed>,
): { readonly chunk: number; readonly from: number; readonly to: number } | null {
  const place = places.get(tensor.root);
  if (place === undefined || !Number.isSafeInteger(place.bottom)) return null;
  const from = place.bottom + tensor.viewOffset;
  return { chunk: place.chunk, from, to: tensor.isView ? from + tensor.byteLength : place.top };
}
