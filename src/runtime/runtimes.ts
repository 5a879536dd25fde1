/**
 * The runtimes that the library knows, and what a caller may name as one.
 *
 * Invariant: names are as stable as error codes; plan files hold them.
 */
import { PlannerError } from '../errors.js';
import { GGML_CPU } from './ggml-cpu.js';
import { GGML_CUDA } from './ggml-cuda.js';
import { GGML_METAL } from './ggml-metal.js';
import { GGML_VULKAN } from './ggml-vulkan.js';
import { MOST_FUSED, type FusedNode, type FusionRule, type Runtime } from './runtime.js';

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

/** How a runtime is told: by its name if the library knows it. */
export function nameOrRules(runtime: Runtime): RuntimeName | Runtime {
  return isKnown(runtime.name) ? runtime.name : runtime;
}

const READ_ORDERS: readonly unknown[] = ['element', 'row', 'never'];

/** The runtime that is named, or one of the caller's own. O(rules). @throws PlannerError `BAD_ARGUMENT` */
export function resolveRuntime(runtime: string | Runtime = 'ggml-cpu'): Runtime {
  if (typeof runtime === 'string' && isKnown(runtime)) return RUNTIMES[runtime];
  const wrong = whatIsWrong(runtime);
  if (wrong === null) return runtime as Runtime;
  const names = Object.keys(RUNTIMES).join(', ');
  throw new PlannerError('BAD_ARGUMENT', {
    message: `The runtime ${wrong}.`,
    culprit: 'runtime',
    value: runtime,
    limit: `one of ${names}, or a name with rules of your own`,
    remedy: `Name one of ${names}, or give { name, fusions } with rules of your own.`,
  });
}

function isKnown(name: string): name is RuntimeName {
  return Object.hasOwn(RUNTIMES, name);
}

/** Completes the sentence "The runtime …"; null if it is one of the caller's own. */
function whatIsWrong(runtime: unknown): string | null {
  if (typeof runtime === 'string') return `${JSON.stringify(runtime.slice(0, 60))} is unknown`;
  const { name, fusions } = (runtime ?? {}) as Partial<Record<keyof Runtime, unknown>>;
  if (typeof name !== 'string' || name === '') return 'has no name';
  if (isKnown(name))
    return runtime === RUNTIMES[name] ? null : `${name} is one that the library knows, with other rules`;
  if (!Array.isArray(fusions)) return `${name} has no list of fusions`;
  const index = fusions.findIndex((rule) => !isRule(rule));
  if (index === -1) return null;
  return `${name} has a rule, fusions[${index}], that is not a list of 2 to ${MOST_FUSED} nodes, each with an op and with operands that are element, row or never`;
}

function isRule(rule: unknown): rule is FusionRule {
  if (!Array.isArray(rule) || !rule.every(isNode)) return false;
  const most = rule.reduce((sum, node) => sum + (node.most ?? 1), 0);
  return most >= 2 && most <= MOST_FUSED;
}

function isNode(node: unknown): node is FusedNode {
  if (typeof node !== 'object' || node === null) return false;
  const { op, operands, most = 1 } = node as Partial<Record<keyof FusedNode, unknown>>;
  return typeof op === 'string' && READ_ORDERS.includes(operands) && Number.isInteger(most) && (most as number) >= 1;
}
