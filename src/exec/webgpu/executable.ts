/**
 * What the WebGPU backend cannot run.
 */
import type { Graph } from '../../graph/graph.js';
import type { Tensor } from '../../tensor/tensor.js';
import { requireRunnable, whyNotRunnable, type Abilities } from '../executable.js';
import { Settings } from '../settings.js';
import type { ShaderKernel } from './kernels/kernel.js';
import { findShader } from './kernels/kernels.js';
import { isWritable, scalarOf } from './shader.js';

const ABILITIES: Abilities = {
  name: 'WebGPU',
  hasKernel: (operation) => findShader(operation) !== undefined,
  misfit: whyNotNode,
};

/**
 * What the WebGPU backend cannot run in this graph; `null` if it can run all of it. O(nodes).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function whyNotExecutableOnWebGpu(graph: Graph): string | null {
  return whyNotRunnable(graph, ABILITIES);
}

/** @throws PlannerError `NOT_EXECUTABLE` */
export function requireExecutableOnWebGpu(graph: Graph): void {
  const remedy = 'Run its nodes with kernels of your own, or with executeGraph.';
  requireRunnable(graph, ABILITIES, 'made of operations with a WebGPU kernel, of f32 and f16', remedy);
}

function whyNotNode(node: Tensor): string | null {
  const kernel = findShader(node.operation!)!;
  const reason = kernel.misfit?.(new Settings(node), node) ?? null;
  return reason === null ? whyNotTypes(node, kernel) : `${node.op} (${node.label}) ${reason}`;
}

/** Elements are floats, where the kernel does not want or allow integers, and begin at multiples of their size. */
function whyNotTypes(node: Tensor, { integers = [], moves = false }: ShaderKernel): string | null {
  const { operands, namesItself } = node.operation!;
  const written = scalarOf(node.type.name);
  if (written === null || !isWritable(node.type.name)) return `${node.label} is ${node.type.name}`;
  const tensors = [
    ['out', node] as const,
    ...operands.map((name, slot) => [name, node.sources[slot] ?? null] as const),
  ];
  for (const [index, [name, tensor]] of tensors.entries()) {
    if (tensor === null || namesItself.includes(index - 1)) continue;
    const wanted = integers.includes(name) ? 'i32' : moves ? written : 'f32';
    if (scalarOf(tensor.type.name) !== wanted) return `${tensor.label} is ${tensor.type.name}`;
    const size = Math.min(4, tensor.type.blockBytes);
    const odd = [tensor.viewOffset, ...tensor.nb].find((bytes) => bytes % size !== 0);
    if (odd !== undefined) return `${tensor.label} has elements at byte ${odd}, which is no multiple of ${size}`;
  }
  return null;
}
