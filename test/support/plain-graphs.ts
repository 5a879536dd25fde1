/**
 * Graphs of nodes that say nothing but what they read, how many bytes they make, and which operand they may overwrite.
 */
import { Graph, type Operation, type Tensor } from '../../src/index.js';
import { elementType } from '../../src/tensor/element-type.js';
import { Origin, Tensor as TensorClass } from '../../src/tensor/tensor.js';
import { createRandom } from '../../src/solver/random.js';

/** An operation that does nothing but read its operands and write its result. */
export function plainOperation(name: string, overwrites: readonly number[] = []): Operation {
  return {
    name,
    family: 'other',
    isKnown: true,
    operands: [],
    requiredCount: 0,
    isView: false,
    isPure: true,
    reusesAny: false,
    overwrites,
    updates: [],
    writesPart: false,
    namesItself: [],
    cut: null,
    termsOf: null,
  };
}

/** Makes tensors by their bytes. */
export class PlainTensors {
  readonly #origin = new Origin('plain');
  readonly #reading = plainOperation('READ');
  readonly #overwriting = plainOperation('OVERWRITE', [0, 1, 2, 3]);

  #make(bytes: number, operation: Operation | null, sources: readonly Tensor[], isPlanned: boolean): Tensor {
    const count = bytes / 4;
    return new TensorClass({
      origin: this.#origin,
      name: `t${this.#origin.count}`,
      type: elementType('f32'),
      shape: [count, 1, 1, 1],
      strides: [4, bytes, bytes, bytes],
      operation,
      sources: [...sources],
      memory: isPlanned ? 'deferred' : 'virtual',
    });
  }

  /** A tensor that is there from the start: an input, or a weight, which lies outside the plan. */
  leaf(bytes: number, isPlanned = true): Tensor {
    const leaf = this.#make(bytes, null, [], isPlanned);
    if (isPlanned) this.#origin.markInput(leaf);
    return leaf;
  }

  /** @param overwrites whether the result may lie over any operand of as many bytes */
  node(bytes: number, sources: readonly Tensor[], overwrites = false): Tensor {
    return this.#make(bytes, overwrites ? this.#overwriting : this.#reading, sources, true);
  }

  graph(nodes: readonly Tensor[]): Graph {
    const leafs = new Set(nodes.flatMap(({ sources }) => sources.filter((source) => source?.operation === null)));
    return new Graph({ leafs: [...leafs] as Tensor[], nodes });
  }
}

/** A random graph of `count` nodes with one to three operands each, most of them recent. */
export function randomDag(seed: number, count: number): Graph {
  const random = createRandom(seed);
  const pick = (most: number): number => Math.floor(random() * most);
  const tensors = new PlainTensors();
  const bytes = (): number => 32 * (1 + pick(pick(2) === 0 ? 4 : 40));
  const made: Tensor[] = [tensors.leaf(bytes()), tensors.leaf(bytes(), false)];
  const leafCount = made.length;
  for (let n = 0; n < count; n++) {
    const sources = Array.from(
      { length: 1 + pick(3) },
      () => made[Math.max(0, made.length - 1 - pick(pick(3) === 0 ? 12 : 4))],
    );
    const overwrites = pick(3) === 0;
    made.push(tensors.node(overwrites ? sources[0].byteLength : bytes(), [...new Set(sources)], overwrites));
  }
  return tensors.graph(made.slice(leafCount));
}
