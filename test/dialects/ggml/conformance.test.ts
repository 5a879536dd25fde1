/**
 * Every node of every real graph, through the shape rules: type, shape, strides, view and in-place flag as ggml has
 * them. The files hold no settings, so those are worked out from the expected shape where they decide it.
 */
import { expect, it } from 'vitest';
import { Context } from '../../../src/dialects/ggml/context.js';
import { Operands } from '../../../src/dialects/ggml/operands.js';
import { findOperation } from '../../../src/dialects/ggml/operations.js';
import type { Sliding } from '../../../src/dialects/ggml/ops/sliding.js';
import { elementType } from '../../../src/tensor/element-type.js';
import type { Dims4 } from '../../../src/tensor/layout.js';
import { Origin, Tensor, type OperationParams } from '../../../src/tensor/tensor.js';
import { describeShared, listGraphs, partOf, readGraph } from '../../support/shared.js';

interface TensorJson {
  readonly name: string;
  readonly op: string;
  readonly type: string;
  readonly ne: Dims4;
  readonly nb: Dims4;
  readonly src?: readonly number[];
  readonly view?: number;
  readonly viewOffset?: number;
  readonly inplace?: boolean;
}

type Setting = (expected: TensorJson, sources: readonly Tensor[]) => OperationParams;

const NO_SETTINGS: Setting = () => ({});

/** Settings that decide a result's shape, such that it can come out as expected; the other settings don't matter. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  RESHAPE: ({ ne }) => ({ ne }),
  VIEW: ({ ne, nb, viewOffset = 0 }, [a]) => ({ ne, nb: nb.slice(1), offset: viewOffset - a.viewOffset }),
  PERMUTE: (expected, [a]) => ({ axes: permutationOf(expected, a) }),
  CONT: ({ ne }) => ({ ne }),
  REPEAT: ({ ne }) => ({ ne }),
  CPY: ({ type, view }) => ({ type: view === undefined ? type : null }),
  ADD: () => ({ type: null }),
  CONCAT: ({ ne }, [a]) => ({ dim: ne.findIndex((n, dim) => n !== a.ne[dim]) }),
  ARGSORT: () => ({ order: 'desc' }),
  CLAMP: () => ({ min: 0, max: null }),
  GROUP_NORM: () => ({ groups: 32 }),
  SOFT_MAX: () => ({ maxBias: 0 }),
  FLASH_ATTN_EXT: () => ({ maxBias: 0 }),
  ROPE: () => ({ dims: 0, mode: 'neox' }),
  SSM_SCAN: () => ({ snapshots: 1 }),
  IM2COL: ({ type, ne }, [kernel, x]) => ({ ...slidingTo(ne, kernel, x, 2), type }),
  IM2COL_3D: ({ type, ne }, [kernel, x]) => {
    const channels = ne[0] / (kernel.ne[0] * kernel.ne[1] * kernel.ne[2]);
    const depth = ne[3] / (x.ne[3] / channels);
    return { ...slidingTo([ne[0], ne[1], ne[2], depth], kernel, x, 3), type, channels };
  },
  UPSCALE: ({ ne }) => ({ ne, mode: 'nearest', alignCorners: false, antialias: false }),
  PAD: ({ ne }, [a]) => ({ before: [0, 0, 0, 0], after: ne.map((n, dim) => n - a.ne[dim]), circular: false }),
  TIMESTEP_EMBEDDING: ({ ne }) => ({ dim: ne[0] }),
};

/** Strides and paddings that let the kernel take as many positions as the result has, after its first dimension. */
function slidingTo(ne: Dims4, kernel: Tensor, x: Tensor, rank: number): Sliding {
  const dims = [0, 1, 2].slice(0, rank);
  const found = dims.map((dim) => {
    for (let stride = 1; stride <= x.ne[dim]; stride++) {
      for (let padding = 0; padding < kernel.ne[dim]; padding++) {
        const count = Math.floor((x.ne[dim] + 2 * padding - kernel.ne[dim]) / stride) + 1;
        if (count === ne[dim + 1]) return { stride, padding };
      }
    }
    return { stride: 1, padding: 0 };
  });
  return {
    stride: found.map(({ stride }) => stride),
    padding: found.map(({ padding }) => padding),
    dilation: dims.map(() => 1),
  };
}

/** Axes that turn the layout of `a` into the expected one; any of them if several do. */
function permutationOf({ ne, nb }: TensorJson, a: Tensor): number[] {
  const dims = [0, 1, 2, 3];
  for (const axes of dims.flatMap((i) => dims.flatMap((j) => dims.flatMap((k) => dims.map((l) => [i, j, k, l]))))) {
    const isPermutation = new Set(axes).size === 4;
    if (isPermutation && axes.every((axis, dim) => ne[axis] === a.ne[dim] && nb[axis] === a.nb[dim])) return axes;
  }
  return [];
}

/** Applies operations by name, with settings as they are. */
class Replay extends Context {
  readonly #ids = new Map<Tensor, number>();

  constructor() {
    super('deferred', null);
  }

  enter(expected: TensorJson, tensor: Tensor): Tensor {
    this.#ids.set(tensor, this.#ids.size);
    return this.setName(tensor, expected.name);
  }

  node(expected: TensorJson, sources: readonly (Tensor | null)[]): Tensor {
    const operation = findOperation(expected.op)!;
    const params = settingsOf(expected, sources);
    const ownsBytes = operation.result(new Operands(operation, sources), params).view === undefined;
    const inPlace = ownsBytes && expected.view !== undefined;
    return this.apply(operation, sources, params, { inPlace });
  }

  /** A tensor in the form of the file. */
  describe(tensor: Tensor): Layout {
    const { type, ne, nb, isView, root, viewOffset } = tensor;
    const inplace = findOperation(tensor.op)!.reusesAny;
    return { type: type.name, ne, nb, inplace, ...(isView && { view: this.#ids.get(root)!, viewOffset }) };
  }
}

type Layout = Pick<TensorJson, 'type' | 'ne' | 'nb' | 'inplace' | 'view' | 'viewOffset'>;

function layoutOf({ type, ne, nb, inplace = false, view, viewOffset = 0 }: TensorJson): Layout {
  return { type, ne, nb, inplace, ...(view !== undefined && { view, viewOffset }) };
}

function settingsOf(expected: TensorJson, sources: readonly (Tensor | null)[]): OperationParams {
  const present = sources.filter((source) => source !== null);
  return (SETTINGS[expected.op] ?? NO_SETTINGS)(expected, present);
}

describeShared('shape rules on real graphs', () => {
  it.each(partOf(listGraphs()))('%s', (name) => {
    const { tensors: rows } = readGraph(name) as { tensors: TensorJson[] };
    expect(rows.filter(({ op }) => op !== 'NONE' && findOperation(op) === undefined)).toEqual([]);
    const replay = new Replay();
    const tensors: Tensor[] = [];
    const differences: unknown[] = [];
    rows.forEach((row, id) => {
      const sources = (row.src ?? []).map((source) => (source < 0 || source === id ? null : tensors[source]));
      const tensor = row.op === 'NONE' ? leaf(row, tensors) : replay.node(row, sources);
      tensors.push(replay.enter(row, tensor));
      if (row.op === 'NONE') return;
      const [found, expected] = [replay.describe(tensor), layoutOf(row)];
      if (JSON.stringify(found) !== JSON.stringify(expected)) differences.push({ id, ...row, found });
    });
    expect(tensors.length).toBeGreaterThan(0);
    expect(differences).toEqual([]);
  });
});

function leaf({ type, ne, nb, view, viewOffset = 0 }: TensorJson, tensors: readonly Tensor[]): Tensor {
  const place = view === undefined ? {} : { view: { of: tensors[view], offset: viewOffset } };
  return new Tensor({
    origin: new Origin('ggml'),
    shape: ne,
    strides: nb,
    memory: 'deferred',
    type: elementType(type),
    ...place,
  });
}
