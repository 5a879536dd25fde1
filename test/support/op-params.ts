/**
 * The settings of ggml's nodes as recorded graphs have them, int32 words, as the settings of our rows.
 */
import type { OperationParam, OperationParams } from '../../src/tensor/tensor.js';

/** A tensor of a recorded graph, as far as its settings go. */
export interface RecordedNode {
  readonly op: string;
  readonly ne: readonly number[];
  readonly nb: readonly number[];
  readonly type: string;
  readonly opParams?: readonly number[];
  readonly view?: number;
  readonly viewOffset?: number;
  readonly src?: readonly number[];
}

/** Words by position: trailing zeros are cut from the recording. */
class Words {
  readonly #words: readonly number[];

  constructor(words: readonly number[]) {
    this.#words = words;
  }

  int(at: number): number {
    return this.#words[at] ?? 0;
  }

  float(at: number): number {
    return new Float32Array(new Int32Array([this.int(at)]).buffer)[0];
  }

  ints(from: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.int(from + i));
  }

  floats(from: number, count: number): number[] {
    return Array.from({ length: count }, (_, i) => this.float(from + i));
  }
}

const norm = (w: Words): OperationParams => ({ eps: w.float(0) });

const rope = (w: Words): OperationParams => ({
  dims: w.int(1),
  offset: 0,
  mode: w.int(2) === 2 ? 'neox' : 'normal',
  originalContext: w.int(4),
  freqBase: w.float(5),
  freqScale: w.float(6),
  extFactor: w.float(7),
  attnFactor: w.float(8),
  betaFast: w.float(9),
  betaSlow: w.float(10),
  sections: null,
});

const softMax = (w: Words): OperationParams => ({ scale: w.float(0), maxBias: w.float(1) });

function sliding(w: Words): Record<'stride' | 'padding' | 'dilation', number[]> {
  const rank = w.int(6) === 1 ? 2 : 1;
  return { stride: w.ints(0, rank), padding: w.ints(2, rank), dilation: w.ints(4, rank) };
}

const pool = (w: Words): OperationParams => ({
  pooling: w.int(0) === 0 ? 'max' : 'avg',
  window: w.ints(1, 2),
  stride: w.ints(3, 2),
  padding: w.ints(5, 2),
});

const window = (w: Words): OperationParams => ({ nb: w.ints(0, 3), offset: w.int(3) });
const past = (w: Words): OperationParams => ({ past: w.int(0) });

type Decode = (words: Words, node: RecordedNode) => OperationParams;

const DECODERS: Readonly<Record<string, Decode>> = {
  RMS_NORM: norm,
  RMS_NORM_BACK: norm,
  ROPE: rope,
  ROPE_BACK: rope,
  SOFT_MAX: softMax,
  SOFT_MAX_BACK: softMax,
  SCALE: (w) => ({ scale: w.float(0), bias: w.float(1) }),
  SWIGLU: (w) => ({ swapped: w.int(1) === 1 }),
  PERMUTE: (w) => ({ axes: w.ints(0, 4) }),
  RESHAPE: (_, { ne }) => ({ ne }),
  CONT: (_, { ne }) => ({ ne }),
  REPEAT: (_, { ne }) => ({ ne }),
  REPEAT_BACK: (_, { ne }) => ({ ne }),
  GET_ROWS_BACK: (_, { ne }) => ({ rows: ne[1] }),
  VIEW: (_, { ne, nb, viewOffset = 0 }) => ({ ne, nb: nb.slice(1), offset: viewOffset }),
  IM2COL: (w, { type }) => ({ ...sliding(w), type }),
  IM2COL_BACK: (w, { ne }) => ({ ...sliding(w), ne }),
  POOL_2D: pool,
  POOL_2D_BACK: pool,
  SET: window,
  ACC: window,
  DIAG_MASK_INF: past,
  DIAG_MASK_ZERO: past,
  ADD: () => ({ type: null }),
  CPY: (_, { type, view }) => ({ type: view === undefined ? type : null }),
};

/** The settings of a recorded node; undefined for an operation that has none. */
export function paramsOf(node: RecordedNode): OperationParams | undefined {
  return DECODERS[node.op]?.(new Words(node.opParams ?? []), node);
}

/** The settings with numbers as ggml keeps them, without those that the layout of the result repeats. */
export function asRecorded(params: OperationParams): OperationParams {
  const rounded = (value: OperationParam): OperationParam => {
    if (typeof value === 'number') return Number.isInteger(value) ? value : Math.fround(value);
    return Array.isArray(value) ? (value as readonly OperationParam[]).map(rounded) : value;
  };
  const own = Object.entries(params).filter(([key]) => key !== 'ne' && key !== 'nb');
  return Object.fromEntries(own.map(([key, value]) => [key, rounded(value)]));
}
