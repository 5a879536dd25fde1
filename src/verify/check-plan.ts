/**
 * Whether what a check is given is a graph and a plan at all: objects whose fields a message can show.
 *
 * Invariant: says nothing of whether the plan is right.
 */
import { checkArgument } from '../errors.js';
import { checkGraph, type Graph } from '../graph/graph.js';
import type { PlanEntry, PlanLike, PlanPool } from './plan-like.js';

/** Fields of a plan, and of each entry, that must be plain values: a message must be able to show them. */
const PLAN_FIELDS = ['alignment', 'bufferSize', 'lowerBound', 'isOptimal', 'optimal'] as const;
const POOL_FIELDS = ['name', 'alignment', 'maxChunkSize', 'firstChunk', 'bufferSize'] as const;
const ENTRY_FIELDS = ['id', 'chunk', 'offset', 'name', 'size', 'start', 'end'] as const;

/** @throws PlannerError `BAD_ARGUMENT` unless both are what they should be */
export function checkGraphAndPlan(graph: Graph, plan: PlanLike): void {
  checkGraph(graph);
  const isObject = typeof (plan as unknown) === 'object' && (plan as unknown) !== null;
  const remedy = 'Give what planGraph returns, or a parsed plan file.';
  checkArgument(isObject, 'plan', plan, 'a Plan', remedy);
  const { tensors, chunks } = plan as Partial<Record<keyof PlanLike, unknown>>;
  checkArgument(Array.isArray(tensors), 'plan.tensors', tensors, 'a list of entries', remedy);
  checkArgument(Array.isArray(chunks), 'plan.chunks', chunks, 'a list of numbers', remedy);
  const checkPlain = (label: () => string, value: unknown): void => {
    if (!isPlain(value)) checkArgument(false, label(), value, 'a plain value', remedy);
  };
  for (const field of PLAN_FIELDS) checkPlain(() => `plan.${field}`, plan[field]);
  checkPlanPools(plan, remedy);
  plan.chunks.forEach((size, chunk) => {
    checkPlain(() => `plan.chunks[${chunk}]`, size);
  });
  const entries = tensors as readonly (PlanEntry | null | undefined)[]; // a hole is no entry
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index];
    if (typeof entry !== 'object' || entry === null) {
      checkArgument(false, `plan.tensors[${index}]`, entry, 'an entry with id, chunk and offset', remedy);
    }
    for (const field of ENTRY_FIELDS) checkPlain(() => `plan.tensors[${index}].${field}`, entry[field]);
  }
}

function checkPlanPools({ pools }: PlanLike, remedy: string): void {
  const areNone = pools === undefined || pools === null;
  checkArgument(areNone || Array.isArray(pools), 'plan.pools', pools, 'a list of pools, or left out', remedy);
  (pools ?? []).forEach((pool: PlanPool | null, index) => {
    const at = `plan.pools[${index}]`;
    const { chunks } = pool ?? {};
    checkArgument(Array.isArray(chunks), at, pool, 'a pool with name, alignment, firstChunk and chunks', remedy);
    for (const field of POOL_FIELDS) {
      const value = pool![field];
      checkArgument(isPlain(value), `${at}.${field}`, value, 'a plain value', remedy);
    }
    const stranger = chunks.findIndex((size) => typeof size !== 'number');
    checkArgument(stranger === -1, `${at}.chunks[${stranger}]`, chunks[stranger], 'a number', remedy);
  });
}

function isPlain(value: unknown): boolean {
  return value === null || ['number', 'string', 'boolean', 'undefined'].includes(typeof value);
}
