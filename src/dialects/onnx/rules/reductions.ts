/**
 * Operations that make few numbers of many, or look for some among them.
 */
import { F32, I64 } from '../element-types.js';
import { countOf } from '../elements.js';
import type { Call, Outcome, Rule } from '../call.js';

/** The shape without some dimensions, or with 1 in their place. */
function reducedShape(call: Call, axes: readonly number[], keeps: boolean): number[] {
  const shape = call.shape(0);
  return shape.flatMap((dim, axis) => (axes.includes(axis) ? (keeps ? [1] : []) : [dim]));
}

type Combine = (a: number, b: number) => number;

function reduction(combine: Combine | null = null): Rule {
  return (call) => {
    const { type, shape, data } = call.at(0);
    const given = call.valuesOr(1, 'axes') ?? [];
    const takesNone = given.length === 0 && call.int('noop_with_empty_axes', 0) === 1;
    const all = shape.map((_, axis) => axis);
    const axes = takesNone ? [] : given.length === 0 ? all : given.map((axis) => call.axis(axis, shape.length));
    const result = reducedShape(call, axes, call.int('keepdims', 1) === 1);
    if (combine === null || data === null || data.length === 0 || axes.length < shape.length)
      return [{ type, shape: result }];
    return [{ type, shape: result, data: [data.reduce(combine)] }];
  };
}

const extreme: Rule = (call) => {
  const shape = call.shape(0);
  const axis = call.axis(call.int('axis', 0), shape.length);
  return [{ type: I64, shape: reducedShape(call, [axis], call.int('keepdims', 1) === 1) }];
};

const shapeOf: Rule = (call) => {
  const shape = call.shape(0);
  const place = (value: number): number =>
    Math.min(Math.max(value < 0 ? value + shape.length : value, 0), shape.length);
  const data = shape.slice(place(call.int('start', 0)), place(call.int('end', shape.length)));
  return [{ type: I64, shape: [data.length], data }];
};

const topK: Rule = (call) => {
  const shape = call.shape(0);
  const axis = call.axis(call.int('axis', -1), shape.length);
  const count = call.has(1) ? call.values(1)[0] : call.int('k');
  const result = call.checked(shape.with(axis, count));
  return [
    { type: call.type(0), shape: result },
    { type: I64, shape: result },
  ];
};

/** Rows of three indices, at most as many as boxes are wanted of each class. */
const suppressed: Rule = (call) => {
  const [, boxes] = call.shapeOfRank(0, 3, 3);
  const [batch, classes] = call.shapeOfRank(1, 3, 3);
  const wanted = call.data(2)?.[0] ?? (call.has(2) ? boxes : 0);
  return [{ type: I64, shape: null, most: [batch * classes * Math.min(boxes, wanted), 3] }];
};

const cumulative: Rule = (call) => {
  const { type, shape, data } = call.at(0);
  const isPlain = call.int('exclusive', 0) === 0 && call.int('reverse', 0) === 0;
  if (!isPlain || data === null || shape.length !== 1) return [{ type, shape }];
  let sum = 0;
  return [{ type, shape, data: data.map((value) => (sum += value)) }];
};

const oneHot: Rule = (call) => {
  const shape = call.shape(0);
  const rank = shape.length + 1;
  const axis = call.axis(call.int('axis', -1), rank);
  const depth = call.values(1)[0];
  return [{ type: call.type(2), shape: call.checked(shape.toSpliced(axis, 0, depth)) }];
};

const multinomial: Rule = (call) => {
  const [batch] = call.shapeOfRank(0, 2, 2);
  const type = call.int('dtype', 6) === 7 ? I64 : call.type(0);
  return [{ type, shape: call.checked([batch, call.int('sample_size', 1)]) }];
};

function loss(call: Call): Outcome {
  const isEach = call.text('reduction', 'mean') === 'none';
  return { type: call.type(0), shape: isEach ? call.shape(1) : [] };
}

const softmaxLoss: Rule = (call) => [loss(call), { type: call.type(0), shape: call.shape(0) }];

const tfIdf: Rule = (call) => {
  const shape = call.shape(0);
  const indexes = call.ints('ngram_indexes') ?? call.fail('has no list ngram_indexes', 'it');
  return [{ type: F32, shape: [...shape.slice(0, -1), Math.max(...indexes) + 1] }];
};

const count: Rule = (call) => [{ type: I64, shape: [], data: [countOf(call.shape(0))] }];

export const REDUCTION_RULES: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(
    ['L1', 'L2', 'LogSum', 'LogSumExp', 'Mean', 'SumSquare'].map((name) => [`Reduce${name}`, reduction()]),
  ),
  ArgMax: extreme,
  ArgMin: extreme,
  CumSum: cumulative,
  Multinomial: multinomial,
  NegativeLogLikelihoodLoss: (call) => [loss(call)],
  NonMaxSuppression: suppressed,
  OneHot: oneHot,
  ReduceMax: reduction(Math.max),
  ReduceMin: reduction(Math.min),
  ReduceProd: reduction((a, b) => a * b),
  ReduceSum: reduction((a, b) => a + b),
  Shape: shapeOf,
  Size: count,
  SoftmaxCrossEntropyLoss: softmaxLoss,
  TfIdfVectorizer: tfIdf,
  TopK: topK,
};
