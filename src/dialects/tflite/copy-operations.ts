/**
 * Operations that arrange elements anew, take parts of a tensor, or join several.
 */
import { shapeAs } from './broadcast.js';
import { diagonal, ranged, scalar, shapeListedBy, shapeOfInput } from './made-shapes.js';
import {
  concatenated,
  expanded,
  packed,
  padded,
  reshaped,
  split,
  splitByLengths,
  squeezed,
  tiled,
  transposed,
  unpacked,
  withBatch,
  withDepth,
} from './rearranged-shapes.js';
import { rowsOf, setting, type TfliteRow } from './row.js';
import {
  argument,
  gathered,
  gatheredByPoints,
  lookedUp,
  oneHot,
  reduced,
  resized,
  sliced,
  stridedSliced,
  topOnes,
} from './slice-shapes.js';

const copy = rowsOf('copy');
const other = rowsOf('other');
const norm = rowsOf('norm');

const REDUCTIONS = ['MEAN', 'SUM', 'REDUCE_PROD', 'REDUCE_MAX', 'REDUCE_MIN', 'REDUCE_ANY', 'REDUCE_ALL'];
const BLOCKS = { operands: ['input', 'blocks', 'edges'] };

export const COPY_OPERATIONS: readonly TfliteRow[] = [
  copy({
    name: 'RESHAPE',
    operands: ['input'],
    optional: ['shape'],
    settings: [setting('newShape', 0, 'ints')],
    shapes: reshaped,
  }),
  copy({ name: 'SQUEEZE', operands: ['input'], settings: [setting('dims', 0, 'ints')], shapes: squeezed }),
  copy({ name: 'EXPAND_DIMS', operands: ['input', 'axis'], shapes: expanded }),
  copy({ name: 'BITCAST', operands: ['input'] }),
  copy({ name: 'TRANSPOSE', operands: ['input', 'permutation'], shapes: transposed }),
  copy({ name: 'CONCATENATION', operands: [], settings: [setting('axis', 0, 'i32')], shapes: concatenated }),
  copy({
    name: 'PACK',
    operands: [],
    settings: [setting('count', 0, 'i32'), setting('axis', 1, 'i32')],
    shapes: packed,
  }),
  copy({
    name: 'UNPACK',
    operands: ['input'],
    settings: [setting('count', 0, 'i32'), setting('axis', 1, 'i32')],
    shapes: unpacked,
  }),
  copy({ name: 'SPLIT', operands: ['axis', 'input'], settings: [setting('count', 0, 'i32')], shapes: split }),
  copy({ name: 'SPLIT_V', operands: ['input', 'lengths', 'axis'], shapes: splitByLengths }),
  copy({ name: 'PAD', operands: ['input', 'padding'], shapes: padded }),
  copy({ name: 'PADV2', operands: ['input', 'padding', 'value'], shapes: padded }),
  copy({ name: 'MIRROR_PAD', operands: ['input', 'padding'], shapes: padded }),
  copy({ name: 'TILE', operands: ['input', 'counts'], shapes: tiled }),
  copy({ name: 'BROADCAST_TO', operands: ['input', 'shape'], shapes: shapeListedBy(1) }),
  copy({ name: 'FILL', operands: ['shape', 'value'], shapes: shapeListedBy(0) }),
  copy({ name: 'REVERSE_V2', operands: ['input', 'axis'], shapes: shapeAs(0) }),
  copy({ name: 'REVERSE_SEQUENCE', operands: ['input', 'lengths'], shapes: shapeAs(0) }),
  copy({
    name: 'SPACE_TO_DEPTH',
    operands: ['input'],
    settings: [setting('blockSize', 0, 'i32')],
    shapes: withDepth(true),
  }),
  copy({
    name: 'DEPTH_TO_SPACE',
    operands: ['input'],
    settings: [setting('blockSize', 0, 'i32')],
    shapes: withDepth(false),
  }),
  copy({ name: 'SPACE_TO_BATCH_ND', ...BLOCKS, shapes: withBatch(true) }),
  copy({ name: 'BATCH_TO_SPACE_ND', ...BLOCKS, shapes: withBatch(false) }),
  copy({ name: 'SLICE', operands: ['input', 'begins', 'lengths'], shapes: sliced }),
  copy({
    name: 'STRIDED_SLICE',
    operands: ['input', 'begins', 'ends', 'steps'],
    settings: [
      ...['beginMask', 'endMask', 'ellipsisMask', 'newAxisMask', 'shrinkAxisMask'].map((name, field) =>
        setting(name, field, 'i32'),
      ),
      setting('isOffset', 5, 'bool'),
    ],
    shapes: stridedSliced,
  }),
  copy({
    name: 'GATHER',
    operands: ['input', 'indices'],
    settings: [setting('axis', 0, 'i32'), setting('batchDims', 1, 'i32')],
    shapes: gathered,
  }),
  copy({ name: 'GATHER_ND', operands: ['input', 'indices'], shapes: gatheredByPoints }),
  copy({ name: 'EMBEDDING_LOOKUP', operands: ['indices', 'table'], shapes: lookedUp }),
  copy({ name: 'SCATTER_ND', operands: ['indices', 'updates', 'shape'], shapes: shapeListedBy(2) }),
  copy({ name: 'SPARSE_TO_DENSE', operands: ['indices', 'shape', 'values', 'default'], shapes: shapeListedBy(1) }),
  copy({
    name: 'DYNAMIC_UPDATE_SLICE',
    operands: ['input', 'update', 'begins'],
    shapes: shapeAs(0),
    overwrites: [0],
    writesPart: true,
  }),
  copy({ name: 'MATRIX_DIAG', operands: ['input'], shapes: diagonal }),
  copy({ name: 'MATRIX_SET_DIAG', operands: ['input', 'diagonal'], shapes: shapeAs(0) }),
  copy({ name: 'RESIZE_BILINEAR', operands: ['input', 'size'], shapes: resized }),
  copy({ name: 'RESIZE_NEAREST_NEIGHBOR', operands: ['input', 'size'], shapes: resized }),
  ...REDUCTIONS.map((name) =>
    norm({ name, operands: ['input', 'axes'], settings: [setting('keepDims', 0, 'bool')], shapes: reduced }),
  ),
  other({ name: 'ARG_MAX', operands: ['input', 'axis'], shapes: argument }),
  other({ name: 'ARG_MIN', operands: ['input', 'axis'], shapes: argument }),
  other({ name: 'TOPK_V2', operands: ['input', 'count'], shapes: topOnes }),
  other({
    name: 'ONE_HOT',
    operands: ['indices', 'depth', 'on', 'off'],
    settings: [setting('axis', 0, 'i32')],
    shapes: oneHot,
  }),
  other({ name: 'SHAPE', operands: ['input'], shapes: shapeOfInput }),
  other({ name: 'RANK', operands: ['input'], shapes: scalar }),
  other({ name: 'RANGE', operands: ['start', 'limit', 'step'], shapes: ranged }),
  other({ name: 'RANDOM_UNIFORM', operands: ['shape'], shapes: shapeListedBy(0), isPure: false }),
  other({ name: 'RANDOM_STANDARD_NORMAL', operands: ['shape'], shapes: shapeListedBy(0), isPure: false }),
];
