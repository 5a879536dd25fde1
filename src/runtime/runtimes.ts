/**
 * The runtimes that the library knows, and the check of a runtime that a caller gives.
 *
 * Invariant: names are as stable as error codes; plan files hold them.
 */
import { PlannerError, shown } from '../errors.js';
import { GGML_CPU } from './ggml-cpu.js';
import { GGML_CUDA } from './ggml-cuda.js';
import { GGML_METAL } from './ggml-metal.js';
import { GGML_VULKAN } from './ggml-vulkan.js';
import { MOST_FUSED, type FusedNode, type Runtime } from './runtime.js';

/** Runs nodes one by one. */
const NONE: Runtime = { name: 'none', fusions: [] };

/** Every runtime that the library knows, by name. */
export const RUNTIMES = {
  'ggml-cpu': GGML_CPU,
  'ggml-cuda': GGML_CUDA,
  'ggml-metal': GGML_METAL,
  'ggml-vulkan': GGML_VULKAN,
  none: NONE,
} as const satisfies Readonly<Record<string, Runtime>>;

/** The name of a runtime that the library knows. */
export type RuntimeName = keyof typeof RUNTIMES;

/** The name of a runtime that the library knows; otherwise the runtime itself, with its rules. */
export function nameOrRules(runtime: Runtime): RuntimeName | Runtime {
  return isKnown(runtime.name) ? runtime.name : runtime;
}

const READ_ORDERS: readonly unknown[] = ['element', 'row', 'never'];

/** The runtime that is named, or one of the caller's own. O(rules). @throws PlannerError `BAD_ARGUMENT` */
export function resolveRuntime(runtime: string | Runtime = 'ggml-cpu'): Runtime {
  if (typeof runtime === 'string' && isKnown(runtime)) return RUNTIMES[runtime];
  const fault = faultOf(runtime);
  if (fault === null) return runtime as Runtime;
  const names = Object.keys(RUNTIMES).join(', ');
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The runtime ${fault.what}.`,
    culprit: 'runtime',
    value: runtime,
    limit: `one of ${names}, or your own`,
    remedy: fault.remedy ?? `Name one of ${names}, or give { name, fusions }.`,
  });
}

function isKnown(name: string): name is RuntimeName {
  return Object.hasOwn(RUNTIMES, name);
}

/** What is wrong with a runtime. */
interface Fault {
  /** Completes the sentence "The runtime …". */
  readonly what: string;
  /** Default: name another, or give rules. */
  readonly remedy?: string;
}

/** What is wrong with a runtime; null if it is a known one, or a valid one of the caller's own. */
function faultOf(runtime: unknown): Fault | null {
  if (typeof runtime === 'string') return { what: `${shown(runtime)} is unknown` };
  const { name, fusions, reuses = {} } = (runtime ?? {}) as Partial<Record<keyof Runtime, unknown>>;
  if (typeof name !== 'string' || name === '') return { what: 'has no name' };
  if (isKnown(name)) {
    return runtime === RUNTIMES[name] ? null : { what: `${name} has the name of a known one, but other rules` };
  }
  if (!Array.isArray(fusions)) return { what: `${name} has no list of fusions` };
  for (let index = 0; index < fusions.length; index++) {
    const fault = faultOfRule(fusions[index], `fusions[${index}]`);
    if (fault !== null) return { ...fault, what: `${name} has a rule whose ${fault.what}` };
  }
  const areLists = Object.values(Object(reuses) as object).every((slots) => Array.isArray(slots));
  return areLists ? null : { what: `${name} has reuses that are no lists of slots` };
}

/** What is wrong with a rule, or with a node of it; completes "a rule whose …". */
function faultOfRule(rule: unknown, at: string): Fault | null {
  const remedy = `Give 2 to ${MOST_FUSED} nodes, each with an op and with operands: [{ op, operands }, { op, operands }].`;
  if (!Array.isArray(rule)) return { what: `${at} is ${shown(rule)}, not a list of nodes`, remedy };
  let most = 0;
  for (let index = 0; index < rule.length; index++) {
    const fault = faultOfNode(rule[index], `${at}[${index}]`);
    if (fault !== null) return fault;
    most += (rule[index] as FusedNode).most ?? 1;
  }
  if (most >= 2 && most <= MOST_FUSED) return null;
  return { what: `${at} matches ${most === 1 ? '1 node' : `up to ${most} nodes`}, not 2 to ${MOST_FUSED}`, remedy };
}

function faultOfNode(node: unknown, at: string): Fault | null {
  const remedy = 'Give each node an op and operands that are element, row or never.';
  if (typeof node !== 'object' || node === null) return { what: `${at} is ${shown(node)}, not an object`, remedy };
  const { op, operands, most = 1 } = node as Partial<Record<keyof FusedNode, unknown>>;
  if (typeof op !== 'string' || op === '') return { what: `${at}.op is ${shown(op)}, not a name`, remedy };
  const meant = fusedNameLike(op);
  if (meant !== op) {
    return {
      what: `${at}.op is ${shown(op)}, which is not the name of an operation`,
      remedy: `Write ${meant}, as ggml does.`,
    };
  }
  if (!READ_ORDERS.includes(operands)) {
    return { what: `${at}.operands is ${shown(operands)}, not element, row or never`, remedy };
  }
  if (Number.isInteger(most) && (most as number) >= 1 && (most as number) <= MOST_FUSED) return null;
  const limit = `an integer from 1 to ${MOST_FUSED}`;
  return { what: `${at}.most is ${shown(most)}, not ${limit}`, remedy: `Give ${limit}, or leave it out for 1.` };
}

/**
 * The operation whose name `op` misspells, or `op` itself: a rule for `rms_norm` would match nothing, and leave plans
 * unprotected. Only operations that the known runtimes fuse are compared: plans do not load the table of all
 * operations, and any other name may be an operation of the caller's own.
 */
function fusedNameLike(op: string): string {
  const letters = lettersOf(op);
  const names = Object.values<Runtime>(RUNTIMES).flatMap(({ fusions }) => fusions.flat().map((node) => node.op));
  return names.find((name) => name === op) ?? names.find((name) => lettersOf(name) === letters) ?? op;
}

function lettersOf(name: string): string {
  return name.replace(/[_\W]/g, '').toUpperCase();
}
