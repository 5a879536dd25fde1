/**
 * Gradients beside the slopes that losses at nearby values make, both computed in f64 by the reference kernels.
 */
import type { Graph } from '../../src/graph/graph.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import type { GradientMaker } from './gradient-recipes.js';
import { WideMemory } from './wide-memory.js';

/** Distance of the values that a slope is taken from, whose error grows with the fourth power of it. */
const STEP = 1e-4;

/** One element of a gradient. */
export interface Slope {
  readonly what: string;
  /** What the graph computes. */
  readonly found: number;
  /** What differences of the loss say. */
  readonly expected: number;
}

/**
 * Elements of the gradients of all leafs that `m` wants gradients of.
 *
 * @param perLeaf how many elements of each leaf are compared at most
 */
export function slopesOf(
  m: GradientMaker,
  graph: Graph,
  loss: Tensor,
  of: ReadonlyMap<Tensor, Tensor>,
  perLeaf = Infinity,
): Slope[] {
  const memory = new WideMemory(graph);
  // Nodes may write over a leaf, so all values are written anew for each run.
  const fill = (): void =>
    m.values.forEach((values, leaf) => (graph.has(leaf) ? memory.write(leaf, values) : undefined));
  fill();
  memory.run(graph.nodes.at(-1)!);
  const computed = m.wanted.map((leaf) => memory.read(of.get(leaf)!));
  const lossAt = (leaf: Tensor, index: number, value: number): number => {
    fill();
    memory.elements(leaf).setFlat(value, index);
    memory.run(loss);
    return memory.read(loss)[0];
  };
  return m.wanted.flatMap((leaf, at) => {
    const values = m.values.get(leaf)!;
    const stride = Math.max(1, Math.floor(values.length / perLeaf));
    return values.flatMap((value, index) => {
      if (index % stride !== 0) return [];
      const across = (steps: number): number =>
        lossAt(leaf, index, value + steps * STEP) - lossAt(leaf, index, value - steps * STEP);
      const expected = (8 * across(1) - across(2)) / (12 * STEP);
      return [{ what: `element ${index} of leaf ${at}`, found: computed[at][index], expected }];
    });
  });
}
