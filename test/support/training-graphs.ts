/**
 * Training steps of image networks, built from the papers by bytes, and layered random graphs: what recomputation is measured
 * with in Checkmate (Jain et al. 2020) and Moccasin (Bartan et al. 2023).
 *
 * The gradient of a layer reads its result, the layers that read that, and their gradients; it has the bytes of the result.
 * Costs are rounded averages of a GPU's microseconds by kind of layer. Nothing is in place, weights are not counted.
 */
import type { Graph, Tensor } from '../../src/index.js';
import { createRandom } from '../../src/solver/random.js';
import { PlainTensors } from './plain-graphs.js';

export interface TrainingGraph {
  readonly name: string;
  readonly graph: Graph;
  readonly costOf: (node: Tensor) => number;
}

/** Microseconds of a layer and of its gradient, by kind. */
const COSTS = {
  conv: [410, 1200],
  norm: [250, 2500],
  relu: [150, 400],
  pool: [150, 300],
  pad: [120, 190],
  add: [150, 40],
  dense: [200, 170],
  shape: [20, 20],
  softmax: [500, 500],
  loss: [0, 2000],
  up: [120, 385],
  join: [200, 150],
} as const;
type Kind = keyof typeof COSTS;

interface Layer {
  readonly kind: Kind;
  readonly elements: number;
  readonly reads: readonly number[];
}

/** A network in the making: an image of `width` × `height`, layer after layer. */
class Layers {
  readonly list: Layer[] = [];
  readonly #shapes: (readonly [width: number, height: number, channels: number])[] = [];

  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  /** Adds a layer with a shape of its own, which reads the last one unless others are named; returns its number. */
  add(kind: Kind, shape: readonly [number, number, number], reads?: readonly number[]): number {
    const before = this.list.length === 0 ? [] : [this.list.length - 1];
    this.#shapes.push(shape);
    return this.list.push({ kind, elements: shape[0] * shape[1] * shape[2], reads: reads ?? before }) - 1;
  }

  shapeOf(layer = this.list.length - 1): readonly [number, number, number] {
    return layer < 0 ? [this.width, this.height, 3] : this.#shapes[layer];
  }

  same(kind: Kind, reads?: readonly number[]): number {
    return this.add(kind, this.shapeOf(reads?.[0]), reads);
  }

  conv(channels: number, stride = 1, from?: number): number {
    const [width, height] = this.shapeOf(from);
    const shape = [Math.floor(width / stride), Math.floor(height / stride), channels] as const;
    return this.add('conv', shape, from === undefined ? undefined : [from]);
  }

  /** A convolution without padding, of what was padded before: its side is given. */
  convTo(width: number, height: number, channels: number): number {
    return this.add('conv', [width, height, channels]);
  }

  pool(): number {
    const [width, height, channels] = this.shapeOf();
    return this.add('pool', [width / 2, height / 2, channels]);
  }

  pad(extra: number): number {
    const [width, height, channels] = this.shapeOf();
    return this.add('pad', [width + extra, height + extra, channels]);
  }

  up(): number {
    const [width, height, channels] = this.shapeOf();
    return this.add('up', [2 * width, 2 * height, channels]);
  }

  /** The blocks of VGG; returns the number of each pooling. */
  vgg(depths: readonly number[]): number[] {
    return depths.map((depth, block) => {
      for (let n = 0; n < depth; n++) this.conv(Math.min(512, 64 * 2 ** block));
      return this.pool();
    });
  }

  /** Padding, convolution, normalisation. */
  paddedConv(channels: number): number {
    const [width, height] = this.shapeOf();
    this.pad(2);
    this.convTo(width, height, channels);
    return this.same('norm');
  }
}

function vgg(depths: readonly number[]): Layers {
  const layers = new Layers(224, 224);
  layers.vgg(depths);
  layers.same('shape');
  for (const length of [4096, 4096, 1000]) layers.add('dense', [1, 1, length]);
  return layers;
}

function mobileNet(): Layers {
  const layers = new Layers(224, 224);
  const activated = (): void => void (layers.same('norm'), layers.same('relu'));
  layers.pad(1);
  layers.convTo(112, 112, 32);
  activated();
  let side = 112;
  const channels = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
  for (const [index, count] of channels.entries()) {
    const before = layers.shapeOf()[2];
    if ([1, 3, 5, 11].includes(index)) {
      layers.pad(1);
      side /= 2;
    }
    layers.convTo(side, side, before);
    activated();
    layers.conv(count);
    activated();
  }
  for (const [kind, length] of [
    ['pool', 1024],
    ['shape', 1024],
    ['shape', 1024],
    ['conv', 1000],
    ['shape', 1000],
    ['softmax', 1000],
  ] as const)
    layers.add(kind, [1, 1, length]);
  return layers;
}

function resNet50(): Layers {
  const layers = new Layers(224, 224);
  layers.pad(6);
  layers.convTo(112, 112, 64);
  layers.same('norm');
  layers.same('relu');
  layers.pad(2);
  let last = layers.add('pool', [56, 56, 64]);
  for (const [stage, depth] of [3, 4, 6, 3].entries()) {
    const channels = 64 * 2 ** stage;
    for (let block = 0; block < depth; block++) {
      const stride = block === 0 && stage > 0 ? 2 : 1;
      layers.conv(channels, stride, last);
      for (const kind of ['norm', 'relu', 'conv', 'norm', 'relu'] as const) layers.same(kind);
      const narrow = layers.list.length - 1;
      if (block > 0) {
        layers.conv(4 * channels);
        layers.same('add', [last, layers.same('norm')]);
      } else {
        const shortcut = layers.conv(4 * channels, stride, last);
        const wide = layers.conv(4 * channels, 1, narrow);
        const norm = layers.same('norm', [shortcut]);
        layers.same('add', [norm, layers.same('norm', [wide])]);
      }
      last = layers.same('relu');
    }
  }
  layers.add('pool', [1, 1, 2048]);
  layers.add('dense', [1, 1, 1000]);
  return layers;
}

function fcn8(): Layers {
  const layers = new Layers(416, 608);
  const pools = layers.vgg([2, 2, 3, 3, 3]);
  for (const kind of ['conv', 'shape', 'conv', 'shape'] as const) layers.add(kind, [13, 19, 4096]);
  layers.convTo(13, 19, 19);
  layers.add('conv', [28, 40, 19]);
  const a = layers.add('shape', [28, 38, 19]);
  const b = layers.add('shape', [26, 38, 19], [a]);
  layers.add('add', [26, 38, 19], [b, layers.conv(19, 1, pools[3])]);
  layers.add('conv', [54, 78, 19]);
  const c = layers.add('shape', [54, 76, 19]);
  const d = layers.conv(19, 1, pools[2]);
  layers.add('add', [52, 76, 19], [d, layers.add('shape', [52, 76, 19], [c])]);
  for (const kind of ['conv', 'shape', 'softmax'] as const) layers.add(kind, [424, 616, 19]);
  return layers;
}

function unet(): Layers {
  const layers = new Layers(416, 608);
  const pools = layers.vgg([2, 2, 3, 3]);
  layers.paddedConv(512);
  for (const [index, channels] of [256, 128, 64].entries()) {
    const up = layers.up();
    const [width, height, count] = layers.shapeOf(up);
    const skip = pools[2 - index];
    layers.add('join', [width, height, count + layers.shapeOf(skip)[2]], [skip, up]);
    layers.paddedConv(channels);
  }
  layers.conv(19);
  layers.same('shape');
  layers.same('softmax');
  return layers;
}

function segNet(): Layers {
  const layers = new Layers(416, 608);
  for (const channels of [64, 128, 256, 256]) {
    layers.paddedConv(channels);
    layers.same('relu');
    layers.pool();
  }
  layers.paddedConv(512);
  for (const channels of [256, 128, 64]) {
    layers.up();
    layers.paddedConv(channels);
  }
  layers.conv(19);
  layers.same('shape');
  layers.same('softmax');
  return layers;
}

/** One training step: all layers, the loss, and the gradients in reverse. */
function training(name: string, { list }: Layers, batch: number): TrainingGraph {
  const tensors = new PlainTensors();
  const costs = new Map<Tensor, number>();
  const nodes: Tensor[] = [];
  const run = (bytes: number, reads: readonly Tensor[], cost: number): Tensor => {
    const node = tensors.node(bytes, reads);
    costs.set(node, cost);
    nodes.push(node);
    return node;
  };
  const readers = list.map((): number[] => []);
  list.forEach(({ reads }, layer) => reads.forEach((read) => readers[read].push(layer)));
  const made: Tensor[] = [];
  for (const { kind, elements, reads } of list) {
    made.push(run(4 * batch * elements, reads.map((read) => made[read]), COSTS[kind][0])); // prettier-ignore
  }
  const loss = run(4 * batch, [made.at(-1)!], COSTS.loss[1]);
  const gradients: Tensor[] = [];
  for (let layer = list.length - 1; layer >= 0; layer--) {
    const { kind, elements } = list[layer];
    const after = readers[layer].flatMap((reader) => [made[reader], gradients[reader]]);
    gradients[layer] = run(
      4 * batch * elements,
      [made[layer], ...(after.length === 0 ? [loss] : after)],
      COSTS[kind][1],
    );
  }
  return { name, graph: tensors.graph(nodes), costOf: (node) => costs.get(node)! };
}

/** Layers of random width; an edge mostly from the layer before, else from any earlier one. Sizes 32 bytes and up. */
export function randomLayered(count: number, edgeCount: number, layerCount: number): TrainingGraph {
  const random = createRandom(count);
  const pick = (most: number): number => Math.floor(random() * most);
  const layerOf = Array.from({ length: count }, (_, n) => (n === 0 ? 0 : 1 + pick(layerCount - 1))).sort(
    (a, b) => a - b,
  );
  const first = Array.from({ length: layerCount + 1 }, (_, layer) => layerOf.filter((other) => other < layer).length);
  const reads = layerOf.map(() => new Set<number>());
  const link = (node: number): void => {
    const layer = random() < 0.85 ? layerOf[node] - 1 : pick(layerOf[node]);
    const size = first[layer + 1] - first[layer];
    reads[node].add(size === 0 ? pick(first[layerOf[node]]) : first[layer] + pick(size));
  };
  for (let node = 1; node < count; node++) link(node);
  for (let edges = count - 1; edges < edgeCount;) {
    const node = 1 + pick(count - 1);
    const before = reads[node].size;
    link(node);
    edges += reads[node].size - before;
  }
  const tensors = new PlainTensors();
  const costs = new Map<Tensor, number>();
  const nodes: Tensor[] = [];
  for (const list of reads) {
    const node = tensors.node(32 * (1 + Math.floor(-2000 * Math.log(1 - random()))), [...list].map((read) => nodes[read])); // prettier-ignore
    costs.set(node, nodes.length === 0 ? 0 : pick(1000));
    nodes.push(node);
  }
  return { name: `random, ${count} nodes`, graph: tensors.graph(nodes), costOf: (node) => costs.get(node)! };
}

/** The eleven graphs that are published: made when they are asked for. */
export const trainingGraphs = function* (): Generator<TrainingGraph, void> {
  yield training('VGG16, batch 256', vgg([2, 2, 3, 3, 3]), 256);
  yield training('VGG19, batch 256', vgg([2, 2, 4, 4, 4]), 256);
  yield training('MobileNet, batch 512', mobileNet(), 512);
  yield training('ResNet50, batch 256', resNet50(), 256);
  yield training('FCN8-VGG, batch 32', fcn8(), 32);
  yield training('U-Net, batch 32', unet(), 32);
  yield training('SegNet, batch 32', segNet(), 32);
  yield randomLayered(100, 236, 21);
  yield randomLayered(250, 944, 24);
  yield randomLayered(500, 2461, 33);
  yield randomLayered(1000, 5875, 51);
};
