/**
 * Networks whose order matters, built from their papers by bytes: RandWire (Xie et al. 2019), and the cells of NASNet-A
 * (Zoph et al. 2018), AmoebaNet-A (Real et al. 2019) and DARTS (Liu et al. 2019). One image, float32, each batch
 * normalisation folded into the convolution before it, nothing in place.
 */
import type { Graph, Tensor } from '../../src/index.js';
import { createRandom } from '../../src/solver/random.js';
import { PlainTensors } from './plain-graphs.js';

/** A tensor of channels and pixels in the making of a network. */
class Network {
  readonly #tensors = new PlainTensors();
  readonly #nodes: Tensor[] = [];
  readonly #sides = new Map<Tensor, number>();
  readonly #channels = new Map<Tensor, number>();

  input(channels: number, side: number): Tensor {
    return this.#noted(this.#tensors.leaf(4 * channels * side * side), channels, side);
  }

  #noted(tensor: Tensor, channels: number, side: number): Tensor {
    this.#channels.set(tensor, channels);
    this.#sides.set(tensor, side);
    return tensor;
  }

  sideOf(tensor: Tensor): number {
    return this.#sides.get(tensor)!;
  }

  node(sources: readonly Tensor[], channels: number, side: number): Tensor {
    const node = this.#tensors.node(4 * channels * side * side, [...new Set(sources)]);
    this.#nodes.push(node);
    return this.#noted(node, channels, side);
  }

  /** One result of the same shape: an activation, or a weighted sum of several operands. */
  same(...sources: readonly Tensor[]): Tensor {
    return this.node(sources, this.#channels.get(sources[0])!, this.sideOf(sources[0]));
  }

  /** A convolution of all channels, or a pooling. */
  window(x: Tensor, channels: number, stride = 1): Tensor {
    return this.node([x], channels, Math.ceil(this.sideOf(x) / stride));
  }

  /** A depthwise convolution and one of single pixels. */
  separable(x: Tensor, channels: number, stride = 1): Tensor {
    return this.window(this.window(x, this.#channels.get(x)!, stride), channels);
  }

  concat(parts: readonly Tensor[]): Tensor {
    const channels = parts.reduce((sum, part) => sum + this.#channels.get(part)!, 0);
    return this.node(parts, channels, this.sideOf(parts[0]));
  }

  get graph(): Graph {
    return this.#tensors.graph(this.#nodes);
  }
}

/** Watts and Strogatz: each of `count` vertices is joined with `degree` neighbours, and each edge moved with `chance`. */
function smallWorld(count: number, degree: number, chance: number, random: () => number): number[][] {
  const joined = Array.from({ length: count }, () => new Set<number>());
  const join = (a: number, b: number): void => void (joined[a].add(b), joined[b].add(a));
  for (let vertex = 0; vertex < count; vertex++) {
    for (let hop = 1; hop <= degree / 2; hop++) join(vertex, (vertex + hop) % count);
  }
  for (let hop = 1; hop <= degree / 2; hop++) {
    for (let vertex = 0; vertex < count; vertex++) {
      if (random() >= chance) continue;
      const neighbour = (vertex + hop) % count;
      const free = Array.from(joined.keys()).filter((other) => other !== vertex && !joined[vertex].has(other));
      joined[vertex].delete(neighbour);
      joined[neighbour].delete(vertex);
      join(vertex, free[Math.floor(random() * free.length)]);
    }
  }
  return joined.map((others, vertex) => [...others].filter((other) => other < vertex).sort((a, b) => a - b));
}

/** RandWire with three cells WS(32, 4, 0.75) and 78 channels, for 224 × 224 pixels. */
export function randWire(seed: number): Graph {
  const net = new Network();
  const random = createRandom(seed);
  const vertex = (inputs: readonly Tensor[], channels: number, stride: number): Tensor =>
    net.separable(net.same(inputs.length === 1 ? inputs[0] : net.same(...inputs)), channels, stride);
  let x = net.window(net.same(net.window(net.input(3, 224), 39, 2)), 78, 2);
  for (const channels of [78, 156, 312]) {
    const results: Tensor[] = [];
    const edges = smallWorld(32, 4, 0.75, random);
    for (const before of edges) {
      const inputs = before.map((each) => results[each]);
      results.push(inputs.length === 0 ? vertex([x], channels, 2) : vertex(inputs, channels, 1));
    }
    const isRead = new Set(edges.flat());
    x = net.same(...results.filter((_, index) => !isRead.has(index)));
  }
  net.window(net.window(x, 1280), 1280, 7);
  return net.graph;
}

/** What a cell does to two of the states before it, 0 and 1 being its inputs. */
type Step = readonly [what: Block, state: number];
type Block = 'id' | 'separable' | 'dilated' | 'pool' | 'rectangles';
interface Genotype {
  readonly steps: readonly (readonly [Step, Step])[];
  readonly results: readonly number[];
}

const GENOTYPES: Readonly<Record<string, Readonly<Record<'normal' | 'reduction', Genotype>>>> = {
  'NASNet-A': {
    normal: {
      steps: [
        [
          ['separable', 1],
          ['separable', 0],
        ],
        [
          ['separable', 0],
          ['separable', 0],
        ],
        [
          ['pool', 1],
          ['id', 0],
        ],
        [
          ['pool', 0],
          ['pool', 0],
        ],
        [
          ['separable', 1],
          ['id', 1],
        ],
      ],
      results: [0, 2, 3, 4, 5, 6],
    },
    reduction: {
      steps: [
        [
          ['separable', 1],
          ['separable', 0],
        ],
        [
          ['pool', 1],
          ['separable', 0],
        ],
        [
          ['pool', 1],
          ['separable', 0],
        ],
        [
          ['id', 3],
          ['pool', 2],
        ],
        [
          ['separable', 2],
          ['pool', 1],
        ],
      ],
      results: [3, 4, 5, 6],
    },
  },
  'AmoebaNet-A': {
    normal: {
      steps: [
        [
          ['pool', 0],
          ['pool', 0],
        ],
        [
          ['id', 0],
          ['pool', 1],
        ],
        [
          ['separable', 2],
          ['separable', 1],
        ],
        [
          ['separable', 2],
          ['id', 1],
        ],
        [
          ['pool', 4],
          ['separable', 0],
        ],
      ],
      results: [3, 5, 6],
    },
    reduction: {
      steps: [
        [
          ['pool', 0],
          ['separable', 1],
        ],
        [
          ['pool', 1],
          ['pool', 0],
        ],
        [
          ['pool', 0],
          ['separable', 2],
        ],
        [
          ['separable', 0],
          ['pool', 1],
        ],
        [
          ['separable', 3],
          ['rectangles', 0],
        ],
      ],
      results: [4, 5, 6],
    },
  },
  DARTS: {
    normal: {
      steps: [
        [
          ['separable', 0],
          ['separable', 1],
        ],
        [
          ['separable', 0],
          ['separable', 1],
        ],
        [
          ['separable', 1],
          ['id', 0],
        ],
        [
          ['id', 0],
          ['dilated', 2],
        ],
      ],
      results: [2, 3, 4, 5],
    },
    reduction: {
      steps: [
        [
          ['pool', 0],
          ['pool', 1],
        ],
        [
          ['id', 2],
          ['pool', 1],
        ],
        [
          ['pool', 0],
          ['id', 2],
        ],
        [
          ['id', 2],
          ['pool', 1],
        ],
      ],
      results: [2, 3, 4, 5],
    },
  },
};

export const CELL_NETWORKS = Object.keys(GENOTYPES);

/** A network of such cells for 224 × 224 pixels: two reductions, then `stacked` normal cells before and after each other one. */
export function cellNetwork(name: string, filters: number, stacked: number): Graph {
  const net = new Network();
  const kinds = [
    'reduction',
    'reduction',
    ...run(stacked),
    'reduction',
    ...run(stacked),
    'reduction',
    ...run(stacked),
  ] as const;
  let current = net.window(net.input(3, 224), 32, 2);
  let previous: Tensor | null = null;
  let channels = filters;
  for (const kind of kinds) {
    if (kind === 'reduction') channels *= 2;
    const next = cell(net, GENOTYPES[name][kind], [previous, current], {
      channels,
      stride: kind === 'reduction' ? 2 : 1,
    });
    [previous, current] = [current, next];
  }
  net.window(net.window(net.same(current), 1000, net.sideOf(current)), 1000);
  return net.graph;
}

const run = (count: number): 'normal'[] => new Array<'normal'>(count).fill('normal');

function cell(
  net: Network,
  { steps, results }: Genotype,
  [previous, current]: readonly [Tensor | null, Tensor],
  { channels, stride }: { readonly channels: number; readonly stride: number },
): Tensor {
  const squeezed = (x: Tensor): Tensor => net.window(net.same(x), channels);
  const second = squeezed(current);
  const states = [previous === null ? second : fitted(net, previous, second, channels, squeezed), second];
  const apply = ([what, state]: Step): Tensor => {
    const x = states[state];
    const pace = state < 2 ? stride : 1;
    if (what === 'separable') return net.separable(net.same(net.separable(net.same(x), channels, pace)), channels);
    if (what === 'dilated') return net.separable(net.same(x), channels, pace);
    if (what === 'rectangles') return net.window(net.window(x, channels, pace), channels);
    // In a reduction an input that is passed on is halved as well.
    return what === 'pool' || pace > 1 ? net.window(x, channels, pace) : x;
  };
  for (const [left, right] of steps) {
    const operands = [apply(left), apply(right)];
    states.push(net.same(...operands));
  }
  return net.concat(results.map((state) => states[state]));
}

/** The result of the cell before the last, in the shape of the last one's. */
function fitted(net: Network, x: Tensor, like: Tensor, channels: number, squeezed: (x: Tensor) => Tensor): Tensor {
  if (net.sideOf(x) === net.sideOf(like)) return squeezed(x);
  const active = net.same(x);
  const halves = [0, 1].map(() => net.window(net.window(active, channels, 2), Math.floor(channels / 2)));
  return net.concat(halves);
}
