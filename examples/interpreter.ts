/**
 * A small interpreter of graphs: one kernel per operation, over the arena of a plan. Real programs run WebAssembly or
 * WebGPU kernels here; what matters is that every tensor is found with `arena.data`.
 */
import type { Arena, Graph, Tensor } from 'tensor-arena';

type Kernel = (out: Float32Array, sources: readonly Float32Array[], node: Tensor) => void;

const KERNELS: Readonly<Record<string, Kernel>> = {
  // a is [k, m], b is [k, n], the result [m, n]: each element is the dot product of a row of a and a row of b.
  MUL_MAT: (out, [a, b], { sources, ne: [m, n] }) => {
    const k = sources[0]!.ne[0];
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < m; i++) {
        let sum = 0;
        for (let l = 0; l < k; l++) sum += a[i * k + l] * b[j * k + l];
        out[j * m + i] = sum;
      }
    }
  },
  // a is [n, k], b is [m, k], the result [n, m]: a sum of outer products.
  OUT_PROD: (out, [a, b], { sources, ne: [n, m] }) => {
    const k = sources[0]!.ne[1];
    out.fill(0);
    for (let l = 0; l < k; l++) {
      for (let j = 0; j < m; j++) for (let i = 0; i < n; i++) out[j * n + i] += a[l * n + i] * b[l * m + j];
    }
  },
  ADD: (out, [a, b]) => {
    for (let i = 0; i < out.length; i++) out[i] = a[i] + b[i % b.length];
  },
  RELU: (out, [a]) => {
    for (let i = 0; i < out.length; i++) out[i] = Math.max(0, a[i]);
  },
  SOFT_MAX: (out, [a], { ne: [width] }) => {
    for (let row = 0; row < out.length; row += width) {
      const scores = a.slice(row, row + width);
      const greatest = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - greatest));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (let i = 0; i < width; i++) out[row + i] = weights[i] / total;
    }
  },
};

/** Operations that only look at bytes in another way: nothing to do. */
const VIEWS = ['VIEW', 'RESHAPE', 'DEPENDENCY'];

/** Runs every node of `graph` in order, in the memory of `arena`. */
export function run(graph: Graph, arena: Arena): void {
  for (const node of graph.nodes) {
    if (VIEWS.includes(node.op)) continue;
    const kernel = KERNELS[node.op];
    if (kernel === undefined) throw new Error(`no kernel for ${node.op}`);
    const sources = node.sources.map((source) => arena.data(source!, 'f32'));
    kernel(arena.data(node, 'f32'), sources, node);
  }
}
