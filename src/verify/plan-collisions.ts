/**
 * Which storages of a plan have the same bytes at a time when both need them?
 *
 * Invariant: a node may reuse the bytes of another storage only if its operation and the runtime's kernel may overwrite that
 * operand and nobody reads the operand later.
 */
import type { Graph } from '../graph/graph.js';
import type { Runtime } from '../runtime/runtime.js';
import type { Tensor } from '../tensor/tensor.js';
import { forEachCollision, type Rectangle } from './collisions.js';
import { mayOverwrite } from './operands.js';
import { labelOf, type PlanViolation } from './plan-violation.js';
import { ViewReads } from './view-reads.js';

/** A storage: the steps at which the graph needs its bytes, and where the plan places it. */
export interface Placed extends Rectangle {
  readonly id: number;
  readonly tensor: Tensor;
  /** Whether its value must last to the end. */
  readonly isKept: boolean;
  /** Whether a node computes it at its first step; a leaf, or an input, has its value before. */
  readonly isComputed: boolean;
  readonly chunk: number;
}

/**
 * Every collision up to `most`, ordered by the first step of the second storage. Of the storages that start at the same
 * step, the computed one must come last in `placed`. O((n + collisions) log n), and the views of what collides.
 */
export function findCollisions(
  graph: Graph,
  runtime: Runtime,
  placed: readonly Placed[],
  most: number,
): PlanViolation[] {
  const byChunk = new Map<number, Placed[]>();
  for (const storage of placed) {
    if (!Number.isSafeInteger(storage.bottom)) continue; // reported already
    const others = byChunk.get(storage.chunk);
    if (others === undefined) byChunk.set(storage.chunk, [storage]);
    else others.push(storage);
  }
  const violations: PlanViolation[] = [];
  let views: ViewReads | null = null; // made only once a plan has a collision
  for (const storages of byChunk.values()) {
    if (violations.length >= most) break;
    forEachCollision(storages, (holder, newcomer) => {
      const violation = collisionOf(holder, newcomer, runtime);
      if (violation === null) return true;
      const mayBeStale = violation.kind === 'overlap' && newcomer.isComputed;
      const stale = mayBeStale ? staleViews(holder, newcomer, (views ??= new ViewReads(graph))) : [];
      if (stale.length === 0) violations.push(violation);
      for (const each of stale) violations.push(each);
      return violations.length < most;
    });
  }
  return violations.sort((a, b) => a.steps![0] - b.steps![0] || a.ids[1] - b.ids[1] || a.ids[0] - b.ids[0]);
}

/** What is wrong with `newcomer`, which starts on bytes that `holder` still has; null if nothing. */
function collisionOf(holder: Placed, newcomer: Placed, runtime: Runtime): PlanViolation | null {
  const isReuse = newcomer.isComputed && holder.end === newcomer.start + 1 && !holder.isKept;
  if (isReuse && mayReuse(newcomer, holder, runtime)) return null;
  const kind = holder.isKept ? 'output-overwritten' : isReuse ? 'in-place-not-allowed' : 'overlap';
  const bytes = [Math.max(holder.bottom, newcomer.bottom), Math.min(holder.top, newcomer.top)] as const;
  const label = labelOf(holder.tensor, holder.id);
  return sharing(kind, holder.id, label, newcomer, Math.min(holder.end, newcomer.end), bytes);
}

/**
 * The views of `holder` that are read after `newcomer` has been computed over them; none if `holder` itself is read
 * later.
 */
function staleViews(holder: Placed, newcomer: Placed, views: ViewReads): PlanViolation[] {
  const { tensor, bottom } = holder;
  return views.after(newcomer.start, tensor, bottom, newcomer.bottom, newcomer.top).map(({ view, id, step, bytes }) => {
    const label = `${labelOf(view, id)}, a view of ${labelOf(tensor, holder.id)},`;
    return sharing('stale-view', id, label, newcomer, step + 1, bytes);
  });
}

/** The violation that a newcomer shares bytes with the tensor that `label` names, from its first step to `until`. */
function sharing(
  kind: PlanViolation['kind'],
  id: number,
  label: string,
  { id: newcomerId, tensor, start, chunk }: Placed,
  until: number,
  bytes: readonly [number, number],
): PlanViolation {
  const where = `bytes [${bytes[0]}, ${bytes[1]}) of chunk ${chunk} in steps [${start}, ${until})`;
  const message = `${kind}: ${label} and ${labelOf(tensor, newcomerId)} share ${where}`;
  return { kind, ids: [id, newcomerId], steps: [start, until], bytes, message };
}

/** Whether a node may overwrite all that it reads of `reused`, where the plan puts both. */
function mayReuse({ tensor: node, bottom }: Placed, reused: Placed, { reuses }: Runtime): boolean {
  const hasKernel = (slot: number): boolean => {
    return reuses === undefined || (Object.hasOwn(reuses, node.op) && reuses[node.op].includes(slot));
  };
  return node.sources.every((source, slot) => {
    const isRead = source !== null && source !== node && source.root === reused.tensor;
    return !isRead || (reused.bottom + source.viewOffset === bottom && mayOverwrite(node, slot) && hasKernel(slot));
  });
}
