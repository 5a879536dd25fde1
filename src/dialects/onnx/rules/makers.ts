/**
 * Operations that make values of a few numbers, and transforms of signals.
 */
import { F32, I64, isInteger, STRING, U8 } from '../element-types.js';
import { countOf, MAX_ELEMENTS, MAX_FLOATS } from '../elements.js';
import type { ElementType } from '../../../tensor/element-type.js';
import type { OnnxTensor } from '../model.js';
import type { Known, Outcome, Rule } from '../call.js';
import { typeSetting } from './element-wise.js';

/** What is known of a constant of a file. */
export function knownOf({ type, shape, data }: OnnxTensor): Known {
  return { type, shape, data };
}

function isTensor(value: unknown): value is OnnxTensor {
  return typeof value === 'object' && value !== null && 'bytes' in value;
}

const constant: Rule = (call) => {
  for (const [setting, type] of CONSTANT_LISTS) {
    const value = call.attribute(setting);
    if (value === undefined) continue;
    const isList = Array.isArray(value);
    if (!isList && typeof value !== 'number' && typeof value !== 'string') continue;
    const list = (isList ? value : [value]) as readonly unknown[];
    return [{ type, shape: isList ? [list.length] : [], data: type === STRING ? null : (list as readonly number[]) }];
  }
  const value = call.attribute('value') ?? call.attribute('sparse_value');
  return isTensor(value) ? [knownOf(value)] : call.fail('has no value', 'a value that can be read');
};

const CONSTANT_LISTS: readonly (readonly [string, ElementType])[] = [
  ['value_float', F32],
  ['value_floats', F32],
  ['value_int', I64],
  ['value_ints', I64],
  ['value_string', STRING],
  ['value_strings', STRING],
];

const constantOfShape: Rule = (call) => {
  const shape = call.checked(call.values(0));
  const value = call.attribute('value');
  const { type, data } = isTensor(value) ? value : { type: F32, data: [0] };
  const count = countOf(shape);
  const isSmall = count <= (isInteger(type) ? MAX_ELEMENTS : MAX_FLOATS) && data !== null && data.length === 1;
  return [{ type, shape, data: isSmall ? Array.from({ length: count }, () => data[0]) : null }];
};

const range: Rule = (call) => {
  const [[start], [limit], [step]] = [call.values(0), call.values(1), call.values(2)];
  if (step === 0) call.fail('counts in steps of 0', 'steps other than 0');
  const count = Math.max(0, Math.ceil((limit - start) / step));
  const shape = call.checked([count]);
  const data = count <= MAX_ELEMENTS ? Array.from({ length: count }, (_, index) => start + index * step) : null;
  return [{ type: call.type(0), shape, data }];
};

/** As many elements as the first operand says. */
const window: Rule = (call) => [
  { type: typeSetting(call, 'output_datatype', F32), shape: call.checked([call.values(0)[0]]) },
];

const eyeLike: Rule = (call) => [{ type: typeSetting(call, 'dtype', call.type(0)), shape: call.shape(0) }];

const random: Rule = (call) => {
  const shape = call.ints('shape') ?? call.fail('has no shape', 'the setting shape');
  return [{ type: typeSetting(call, 'dtype', F32), shape: call.checked(shape) }];
};

/** Rows of frequencies by columns of the scale. */
const melWeights: Rule = (call) => {
  const [bins, length] = [call.values(0)[0], call.values(1)[0]];
  const shape = call.checked([Math.floor(length / 2) + 1, bins]);
  return [{ type: typeSetting(call, 'output_datatype', F32), shape }];
};

/** Real numbers have one part in the last dimension, complex ones two. */
const fourier: Rule = (call) => {
  const shape = call.shapeOfRank(0, 2);
  const named = call.has(2) ? call.values(2)[0] : call.int('axis', call.opset < 20 ? 1 : -2);
  const axis = call.axis(named, shape.length);
  const isHalf = call.int('onesided', 0) === 1;
  const isInverse = call.int('inverse', 0) === 1;
  const length = call.has(1) ? call.values(1)[0] : isHalf && isInverse ? 2 * (shape[axis] - 1) : shape[axis];
  const bins = isHalf && !isInverse ? Math.floor(length / 2) + 1 : length;
  const result = shape.with(axis, bins).with(shape.length - 1, isHalf && isInverse ? 1 : 2);
  return [{ type: call.type(0), shape: call.checked(result) }];
};

const shortFourier: Rule = (call) => {
  const [batch, length] = call.shapeOfRank(0, 2, 3);
  const [step] = call.values(1);
  const frame = call.has(3) ? call.values(3)[0] : call.shape(2)[0];
  const isHalf = call.int('onesided', 1) === 1;
  const bins = isHalf ? Math.floor(frame / 2) + 1 : frame;
  const frames = Math.floor((length - frame) / step) + 1;
  return [{ type: call.type(0), shape: call.checked([batch, frames, bins, 2]) }];
};

const decodedImage: Rule = (): Outcome[] => [{ type: U8, shape: null }];

export const MAKER_RULES: Readonly<Record<string, Rule>> = {
  BlackmanWindow: window,
  Constant: constant,
  ConstantOfShape: constantOfShape,
  DFT: fourier,
  EyeLike: eyeLike,
  HammingWindow: window,
  HannWindow: window,
  ImageDecoder: decodedImage,
  MelWeightMatrix: melWeights,
  RandomNormal: random,
  RandomNormalLike: eyeLike,
  RandomUniform: random,
  RandomUniformLike: eyeLike,
  Range: range,
  STFT: shortFourier,
};
