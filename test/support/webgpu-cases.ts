/**
 * Arbitrary limits of devices, and everything that a plan for WebGPU must pass, in both ways to bind operands.
 */
import fc from 'fast-check';
import {
  PlannerError,
  planGraph,
  verifyPlan,
  type AllocatorName,
  type Graph,
  type ReuseMode,
  type Tensor,
} from '../../src/index.js';
import { replayPlan } from '../../src/verify/replay.js';
import {
  dispatchesOf,
  verifyDispatches,
  webgpuTarget,
  type StorageAccess,
  type WebGpuBufferLimits,
} from '../../src/webgpu/index.js';

/** Limits around the sizes of arbitrary graphs, and those of real devices. */
export const arbitraryLimits: fc.Arbitrary<Partial<WebGpuBufferLimits>> = fc.record(
  {
    maxBufferSize: fc.constantFrom(512, 1000, 2048, 2 ** 28, 2 ** 32 - 4),
    maxStorageBufferBindingSize: fc.constantFrom(128, 600, 2048, 2 ** 27, 2 ** 32 - 4),
    minStorageBufferOffsetAlignment: fc.constantFrom(32, 64, 256),
    maxStorageBuffersPerShaderStage: fc.constantFrom(2, 3, 4, 8, 10),
  },
  { requiredKeys: [] },
);

/** How a graph is planned otherwise. */
export interface WebGpuCase {
  readonly limits: Partial<WebGpuBufferLimits>;
  readonly operands: StorageAccess;
  readonly allocator: AllocatorName;
  readonly reuse: ReuseMode;
}

export const arbitraryCases: fc.Arbitrary<WebGpuCase> = fc.record({
  limits: arbitraryLimits,
  operands: fc.constantFrom<StorageAccess>('read-write', 'read'),
  allocator: fc.oneof(
    { weight: 3, arbitrary: fc.constant<AllocatorName>('auto') },
    fc.constantFrom<AllocatorName>('ggml', 'greedy-by-size'),
  ),
  reuse: fc.constantFrom<ReuseMode>('full', 'full', 'ggml', 'off'),
});

/** What the plan of a graph breaks; null if the graph is refused, as no plan of it is right. */
export function faultsOf(graph: Graph, { limits, operands, allocator, reuse }: WebGpuCase): readonly string[] | null {
  const target = webgpuTarget(limits, { operands });
  try {
    const plan = planGraph(graph, { target, allocator, reuse });
    const dispatches = dispatchesOf(graph, plan, target);
    const found = [
      ...verifyPlan(graph, plan, { maxChunkSize: target.limits.maxBufferSize }),
      ...replayPlan(graph, plan),
      ...verifyDispatches(graph, plan, dispatches, { limits }),
    ];
    return [...found.map(({ message }) => message), ...(operands === 'read' ? mixedOperands(dispatches) : [])];
  } catch (error) {
    if (!(error instanceof PlannerError)) throw error;
    return isRight(graph, target.limits, error) ? null : [`refused without a reason: ${error.message}`];
  }
}

/** Whether there is such a storage or such a node as the error says, as far as tensors tell by themselves. */
function isRight({ tensors, nodes }: Graph, limits: WebGpuBufferLimits, { code, value }: PlannerError): boolean {
  const { maxBufferSize, minStorageBufferOffsetAlignment: alignment } = limits;
  if (code === 'HAZARD') return true;
  if (code === 'OVERSIZE') {
    return tensors.some(({ storageBytes }) => storageBytes === value && storageBytes > maxBufferSize - alignment);
  }
  const isHuge = Number(value) > limits.maxStorageBufferBindingSize;
  const isWide = Number(value) > limits.maxStorageBuffersPerShaderStage;
  return nodes.some((node) => {
    const bound = [...node.sources, node].filter(
      (tensor): tensor is Tensor => tensor !== null && tensor.byteLength > 0,
    );
    const lengthOf = (tensor: Tensor): number => (tensor.isView ? tensor.byteLength : tensor.storageBytes);
    const places = bound.map((each) => [tensors.indexOf(each.root), each.viewOffset, lengthOf(each)].join());
    const reach = (root: Tensor): number => {
      const ofRoot = bound.filter((tensor) => tensor.root === root);
      const ends = ofRoot.map((each) => each.viewOffset + lengthOf(each));
      return Math.max(...ends) - Math.min(...ofRoot.map(({ viewOffset }) => viewOffset)) + alignment + 4;
    };
    if (isWide && new Set(places).size >= Number(value)) return true;
    return isHuge && bound.some(({ root }) => reach(root) >= Number(value));
  });
}

/**
 * Chunks that a dispatch binds for writing although nothing is written there: with operands for reading alone there are
 * none, short of a storage that is both read and written.
 */
function mixedOperands(dispatches: ReturnType<typeof dispatchesOf>): string[] {
  return dispatches.flatMap(({ nodes: [node], bindings, operands, result }) => {
    const written = result === null ? null : bindings[result.binding].buffer;
    return node.sources.flatMap((source, slot) => {
      const bound = operands[slot];
      if (bound === null || source === null || bound.binding === result?.binding) return [];
      const { buffer, access } = bindings[bound.binding];
      const isOwn = source.root === node.root || node.operation!.updates.length > 0;
      const isMixed = access === 'read-write' && buffer === written && !isOwn;
      return isMixed ? [`${node.label} reads ${source.label} in the arena that it writes`] : [];
    });
  });
}
