/**
 * Linear layers whose frozen weights are stored in four bits (NF4), with scales that are quantised once more.
 *
 * Invariant: a pass reads the weights in the type of its operand, which are made of the four bits and freed again. Nothing
 * of the layer is saved for the gradient: this makes the weights anew.
 */
import { ELEMENT_TYPES } from '../tensor/element-type.js';
import { PLAIN_TYPES } from '../tensor/plain-types.js';
import { gradNode } from './eager/grad-node.js';
import { inRows, view } from './eager/ops/views.js';
import type { Tape } from './eager/tape.js';
import type { Value } from './eager/value.js';

const { f32 } = ELEMENT_TYPES;
const { u8 } = PLAIN_TYPES;

/** Weights that have one scale. */
const BLOCK = 64;
/** Scales that have one scale of their own. */
const SCALES = 256;

/** A weight `[out, in]` in four bits, with all that it takes to read it. */
export interface QuantizedWeight {
  readonly shape: readonly [outputs: number, inputs: number];
  /** The packed bits, and what reads them. */
  readonly parts: readonly Value[];
}

/** Stores a weight in four bits. */
export function quantizedWeight(t: Tape, name: string, shape: readonly [number, number]): QuantizedWeight {
  const count = shape[0] * shape[1];
  const scales = Math.ceil(count / BLOCK);
  const rows = [
    ['weight', u8, [Math.ceil(count / 2), 1]],
    ['absmax', u8, [scales]],
    ['quant_map', f32, [16]],
    ['nested_absmax', f32, [Math.ceil(scales / SCALES)]],
    ['nested_quant_map', f32, [SCALES]],
    ['nested_offset', f32, []],
  ] as const;
  return { shape, parts: rows.map(([part, type, layout]) => t.leaf(`${name}.${part}`, 'parameters', type, layout)) };
}

/** `x @ weightᵀ + bias` */
export function quantizedLinear(t: Tape, x: Value, weight: QuantizedWeight, bias: Value | null): Value {
  const [outputs, inputs] = weight.shape;
  const node = gradNode(t, [x]);
  const rows = inRows(t, { ...x, edge: null }, inputs);
  const read = dequantized(t, weight, x.type);
  const spec = { type: x.type, shape: [rows.shape[0], outputs] };
  const [product] =
    bias === null
      ? t.emit('aten.mm.default', [rows, read], [spec])
      : t.emit('aten.addmm.default', [bias, rows, read], [spec]);
  const result = view(t, product, [...x.shape.slice(0, -1), outputs]);
  node?.finish([result], ([gradient]) => {
    const again = dequantized(t, weight, x.type);
    const flat = inRows(t, gradient!, outputs);
    const [back] = t.emit('aten.mm.default', [flat, again], [{ type: x.type, shape: [flat.shape[0], inputs] }]);
    return [view(t, back, x.shape)];
  });
  return result;
}

function dequantized(t: Tape, { shape, parts }: QuantizedWeight, type: Value['type']): Value {
  const [bits, absmax, map, ...nested] = parts;
  const [scales] = t.emit(
    'bitsandbytes.dequantize_blockwise',
    [absmax, ...nested],
    [{ type: f32, shape: absmax.shape }],
  );
  return t.emit('bitsandbytes.dequantize_4bit', [bits, scales, map], [{ type, shape }])[0];
}
