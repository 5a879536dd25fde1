/**
 * Operations that compute each element from those at the same place, with broadcasting.
 */
import { BOOL, F32, I64, isInteger, STRING, typeOfNumber, U8 } from '../element-types.js';
import { broadcastElement, broadcastShape, eachIndex } from '../elements.js';
import type { ElementType } from '../../../tensor/element-type.js';
import type { Call, Outcome, Rule } from '../call.js';

/** The result has the type and shape of the first operand; more results are not known. */
export const likeFirst: Rule = (call) => [{ type: call.type(0), shape: call.shape(0) }];

/** The shape of all operands together. */
export function together(call: Call, slots: readonly number[] = call.inputs.map((_, slot) => slot)): number[] {
  const shapes = slots.map((slot) => call.shape(slot));
  return broadcastShape(shapes) ?? call.fail('cannot repeat its operands to one shape', 'lengths that agree or are 1');
}

type Compute = (values: readonly number[], type: ElementType) => number;

/** A rule for operands that are repeated to one shape, and computed by `compute` where they are known. */
function elementWise(compute: Compute | null, type: (call: Call) => ElementType = (call) => call.type(0)): Rule {
  return (call) => {
    const shape = together(call);
    return [{ type: type(call), shape, data: compute === null ? null : computed(call, shape, compute) }];
  };
}

function computed(call: Call, shape: readonly number[], compute: Compute): number[] | null {
  const operands: ((index: readonly number[]) => number)[] = [];
  for (const input of call.inputs) {
    if (input === null || input.data === null) return null;
    operands.push(broadcastElement(input.data, input.shape));
  }
  const type = call.type(0);
  return eachIndex(shape, (index) =>
    compute(
      operands.map((element) => element(index)),
      type,
    ),
  );
}

/** A rule for one operand. */
function unary(compute: ((value: number) => number) | null = null): Rule {
  return (call) => {
    const { type, shape, data } = call.at(0);
    return [{ type, shape, data: compute === null ? null : (data?.map(compute) ?? null) }];
  };
}

const toBool = (): ElementType => BOOL;

/** Halves go to the even neighbour. */
function roundEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

const COMPUTED_UNARY: Readonly<Record<string, (value: number) => number>> = {
  Abs: Math.abs,
  Ceil: Math.ceil,
  Exp: Math.exp,
  Floor: Math.floor,
  Log: Math.log,
  Neg: (value) => -value,
  Not: (value) => (value === 0 ? 1 : 0),
  Relu: (value) => Math.max(0, value),
  Round: roundEven,
  Sign: Math.sign,
  Sqrt: Math.sqrt,
};

const UNARY = (
  'Acos Acosh Asin Asinh Atan Atanh BitwiseNot Celu Cos Cosh Elu Erf Gelu HardSigmoid HardSwish LeakyRelu Mish Reciprocal ' +
  'Selu Shrink Sigmoid Sin Sinh Softplus Softsign Swish Tan Tanh ThresholdedRelu com.microsoft.QuickGelu ' +
  'com.microsoft.Gelu com.microsoft.FastGelu com.microsoft.QLinearLeakyRelu com.microsoft.QLinearSigmoid com.microsoft.QLinearSoftmax'
).split(' ');

const flag = (condition: boolean): number => (condition ? 1 : 0);

const COMPUTED: Readonly<Record<string, readonly [Compute | null, ((call: Call) => ElementType)?]>> = {
  Add: [([a, b]) => a + b],
  And: [([a, b]) => flag(a !== 0 && b !== 0), toBool],
  BitShift: [null],
  BitwiseAnd: [null],
  BitwiseOr: [null],
  BitwiseXor: [null],
  Div: [([a, b], type) => (isInteger(type) ? Math.trunc(a / b) : a / b)],
  Equal: [([a, b]) => flag(a === b), toBool],
  Greater: [([a, b]) => flag(a > b), toBool],
  GreaterOrEqual: [([a, b]) => flag(a >= b), toBool],
  Less: [([a, b]) => flag(a < b), toBool],
  LessOrEqual: [([a, b]) => flag(a <= b), toBool],
  Max: [(values) => Math.max(...values)],
  Mean: [null],
  Min: [(values) => Math.min(...values)],
  Mul: [([a, b]) => a * b],
  Or: [([a, b]) => flag(a !== 0 || b !== 0), toBool],
  PRelu: [null],
  Pow: [([a, b]) => a ** b],
  StringConcat: [null],
  Sub: [([a, b]) => a - b],
  Sum: [(values) => values.reduce((sum, value) => sum + value, 0)],
  Xor: [([a, b]) => flag((a !== 0) !== (b !== 0)), toBool],
  'com.microsoft.BiasGelu': [null],
};

const mod: Rule = (call) => {
  const isRemainder = call.int('fmod', 0) === 1;
  return elementWise(([a, b]) => (isRemainder ? a % b : a - b * Math.floor(a / b)))(call);
};

const where: Rule = (call) => {
  const [outcome] = elementWise(([condition, x, y]) => (condition === 0 ? y : x))(call);
  return [{ ...outcome, type: call.type(1) }];
};

const clip: Rule = (call) => {
  const { type, shape, data } = call.at(0);
  const bound = (slot: number, name: string, none: number): number | null => {
    if (call.has(slot)) return call.at(slot).data?.[0] ?? null;
    return call.int(name, none);
  };
  const [least, most] = [bound(1, 'min', -Infinity), bound(2, 'max', Infinity)];
  if (data === null || least === null || most === null) return [{ type, shape }];
  return [{ type, shape, data: data.map((value) => Math.min(Math.max(value, least), most)) }];
};

/** The type that a number in a setting stands for. */
export function typeSetting(call: Call, name: string, fallback: ElementType): ElementType {
  const number = call.attribute(name);
  if (number === undefined || number === 0) return fallback;
  const type = typeof number === 'number' ? typeOfNumber(number) : undefined;
  return type ?? call.fail(`asks for an element type in ${name} that there is none of`, 'an element type of ONNX');
}

function cast({ shape, data }: ReturnType<Call['at']>, type: ElementType): Outcome {
  if (data === null || type === STRING) return { type, shape };
  if (type === BOOL) return { type, shape, data: data.map((value) => flag(value !== 0)) };
  return { type, shape, data: isInteger(type) ? data.map(Math.trunc) : data };
}

/** The result of a quantisation has the type of its zero point, or the one that is asked for. */
const quantized: Rule = (call) => {
  const type = call.has(2) ? call.type(2) : typeSetting(call, 'output_dtype', U8);
  return [{ type, shape: call.shape(0) }];
};

const dynamicQuantized: Rule = (call) => [
  { type: U8, shape: call.shape(0) },
  { type: F32, shape: [] },
  { type: U8, shape: [] },
];

const dropout: Rule = (call) => {
  const { shape, type, data } = call.at(0);
  return [
    { type, shape, data },
    { type: call.opset < 10 ? type : BOOL, shape },
  ];
};

const bitCast: Rule = (call) => {
  const type = typeSetting(call, 'to', call.type(0));
  return [{ type, shape: call.shape(0) }];
};

const splitGelu: Rule = (call) => {
  const shape = call.shapeOfRank(0, 1);
  return [{ type: call.type(0), shape: call.checked([...shape.slice(0, -1), shape[shape.length - 1] / 2]) }];
};

const stringSplit: Rule = (call) => [
  { type: STRING, shape: null },
  { type: I64, shape: call.shape(0) },
];

/** Words that are to be left out make the result shorter. */
const stringNormalizer: Rule = (call) => {
  const { type, shape } = call.at(0);
  const stopwords = call.attribute('stopwords');
  const isWhole = !Array.isArray(stopwords) || stopwords.length === 0;
  return [{ type, shape: isWhole ? shape : null, most: shape }];
};

const oneType = (type: ElementType): Rule => {
  return (call) => [{ type, shape: call.shape(0) }];
};

export const ELEMENT_WISE_RULES: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(UNARY.map((name) => [name, unary()])),
  ...Object.fromEntries(Object.entries(COMPUTED_UNARY).map(([name, compute]) => [name, unary(compute)])),
  ...Object.fromEntries(Object.entries(COMPUTED).map(([name, [compute, type]]) => [name, elementWise(compute, type)])),
  Cast: (call) => [cast(call.at(0), typeSetting(call, 'to', call.type(0)))],
  CastLike: (call) => [cast(call.at(0), call.type(1))],
  Bernoulli: (call) => [{ type: typeSetting(call, 'dtype', call.type(0)), shape: call.shape(0) }],
  BitCast: bitCast,
  Clip: clip,
  Dropout: dropout,
  DynamicQuantizeLinear: dynamicQuantized,
  DequantizeLinear: (call) => [{ type: typeSetting(call, 'output_dtype', call.type(1)), shape: call.shape(0) }],
  IsInf: oneType(BOOL),
  IsNaN: oneType(BOOL),
  Mod: mod,
  QuantizeLinear: quantized,
  RegexFullMatch: oneType(BOOL),
  StringNormalizer: stringNormalizer,
  StringSplit: stringSplit,
  Where: where,
  'com.microsoft.BiasSplitGelu': splitGelu,
  'com.microsoft.DequantizeLinear': (call) => [{ type: call.type(1), shape: call.shape(0) }],
  'com.microsoft.QLinearAdd': (call) => [{ type: call.type(0), shape: together(call, [0, 3]) }],
  'com.microsoft.QLinearMul': (call) => [{ type: call.type(0), shape: together(call, [0, 3]) }],
  'com.microsoft.QuantizeLinear': quantized,
};
