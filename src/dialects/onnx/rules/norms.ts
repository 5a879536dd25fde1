/**
 * Norms, and what is computed along with them.
 */
import { F32, I32, typeOfNumber } from '../element-types.js';
import type { Call, Outcome, Rule } from '../call.js';
import { likeFirst } from './element-wise.js';

/** The numbers that a norm of layers computes first: one for each row from `axis` on. */
function statistics(call: Call): Outcome {
  const shape = call.shape(0);
  const axis = shape.length === 0 ? 0 : call.axis(call.int('axis', -1), shape.length);
  const type = typeOfNumber(call.int('stash_type', 1)) ?? F32;
  return { type, shape: shape.map((dim, each) => (each < axis ? dim : 1)) };
}

const layerNorm: Rule = (call) => {
  const numbers = statistics(call);
  return [...likeFirst(call), numbers, numbers];
};

const batchNorm: Rule = (call) => {
  const channels = { type: call.type(0), shape: call.shape(1) };
  return [...likeFirst(call), channels, channels, channels, channels];
};

/** A norm of a sum, which may be a result as well. */
const skipNorm: Rule = (call) => {
  const shape = call.shapeOfRank(0, 2);
  const numbers = { type: F32, shape: [...shape.slice(0, -1), 1] };
  const [sum] = likeFirst(call);
  return [sum, numbers, numbers, sum];
};

const embedNorm: Rule = (call) => {
  const [batch, length] = call.shapeOfRank(0, 2, 2);
  const [, width] = call.shapeOfRank(2, 2, 2);
  const sum = { type: call.type(2), shape: [batch, length, width] };
  return [sum, { type: I32, shape: [batch] }, sum];
};

const skipGroupNorm: Rule = (call) => [...likeFirst(call), ...likeFirst(call)];

export const NORM_RULES: Readonly<Record<string, Rule>> = {
  BatchNormalization: batchNorm,
  GroupNormalization: likeFirst,
  Hardmax: likeFirst,
  InstanceNormalization: likeFirst,
  LayerNormalization: layerNorm,
  LogSoftmax: likeFirst,
  LpNormalization: likeFirst,
  MeanVarianceNormalization: likeFirst,
  RMSNormalization: likeFirst,
  SimplifiedLayerNormalization: layerNorm,
  Softmax: likeFirst,
  'com.microsoft.BiasAdd': likeFirst,
  'com.microsoft.BiasDropout': likeFirst,
  'com.microsoft.BiasSoftmax': likeFirst,
  'com.microsoft.EmbedLayerNormalization': embedNorm,
  'com.microsoft.GroupNorm': likeFirst,
  'com.microsoft.SimplifiedLayerNormalization': layerNorm,
  'com.microsoft.SkipGroupNorm': skipGroupNorm,
  'com.microsoft.SkipLayerNormalization': skipNorm,
  'com.microsoft.SkipSimplifiedLayerNormalization': skipNorm,
};
