/**
 * Attention and recurrent networks.
 */
import type { Outcome, Rule } from '../call.js';
import { likeFirst } from './element-wise.js';

/** ONNX's own attention, of heads in a dimension of their own or side by side. */
const attention: Rule = (call) => {
  const [query, key, value] = [call.shape(0), call.shape(1), call.shape(2)];
  const areSplit = query.length === 4;
  const heads = (shape: readonly number[], setting: string): readonly [number, number, number] => {
    if (shape.length === 4) return [shape[1], shape[2], shape[3]];
    const count = call.int(setting);
    return [count, shape[1], shape[2] / count];
  };
  const [queryHeads, length] = heads(query, 'q_num_heads');
  const [keyHeads, keyLength, keyWidth] = heads(key, 'kv_num_heads');
  const [, , width] = heads(value, 'kv_num_heads');
  const [batch] = query;
  const past = call.has(4) ? call.shapeOfRank(4, 4, 4)[2] : 0;
  const total = keyLength + past;
  const shape = areSplit ? [batch, queryHeads, length, width] : [batch, length, queryHeads * width];
  const of = (dims: readonly number[], slot: number): Outcome => ({ type: call.type(slot), shape: call.checked(dims) });
  return [
    of(shape, 0),
    of([batch, keyHeads, total, keyWidth], 1),
    of([batch, keyHeads, total, width], 2),
    of([batch, queryHeads, length, total], 0),
  ];
};

/** ONNX Runtime's attention with its projections: keys and values of all heads lie side by side. */
const projectedAttention: Rule = (call) => {
  const [batch, length] = call.shapeOfRank(0, 3, 3);
  const heads = call.int('num_heads');
  const sizes = call.ints('qkv_hidden_sizes');
  const [, columns] = call.shapeOfRank(1, 2, 2);
  const width = sizes?.[2] ?? columns / 3;
  const past = call.has(4) ? call.shapeOfRank(4, 5, 5)[3] : 0;
  const present = [2, batch, heads, length + past, width / heads];
  return [
    { type: call.type(0), shape: call.checked([batch, length, width]) },
    { type: call.type(0), shape: call.checked(present) },
  ];
};

/** ONNX Runtime's attention of queries, keys and values, or of all three packed into the first operand. */
const multiHead: Rule = (call) => {
  const query = call.shapeOfRank(0, 3, 5);
  const heads = call.int('num_heads');
  const [batch, length] = query;
  const { type } = call.at(0);
  if (query.length === 5) {
    return [{ type, shape: call.checked([batch, length, query[2] * query[4]]) }];
  }
  const key = call.has(1) ? call.shape(1) : [batch, length, query[2]];
  const value = call.has(2) ? call.shape(2) : null;
  const width =
    value === null
      ? key.length === 5
        ? key[2] * key[4]
        : query[2]
      : value.length === 4
        ? value[1] * value[3]
        : value[2];
  const own = key.length === 4 ? key[2] : key[1];
  const past = call.has(6) ? call.shapeOfRank(6, 4, 4)[2] : 0;
  const present = (size: number): Outcome => ({ type, shape: call.checked([batch, heads, own + past, size / heads]) });
  const keyWidth = key.length === 3 ? key[2] : query[2];
  return [{ type, shape: call.checked([batch, length, width]) }, present(keyWidth), present(width)];
};

/** Queries in groups that share keys and values; past and present may be one buffer, whose length holds for both. */
const groupQuery: Rule = (call) => {
  const [batch, length, columns] = call.shapeOfRank(0, 3, 3);
  const [heads, keyHeads] = [call.int('num_heads'), call.int('kv_num_heads')];
  const size = call.has(1) ? call.shapeOfRank(1, 3, 3)[2] / keyHeads : columns / (heads + 2 * keyHeads);
  const past = call.has(3) ? call.shapeOfRank(3, 4, 4)[2] : 0;
  const total = call.data(6)?.[0] ?? length + past;
  const { type } = call.at(0);
  const present = { type, shape: call.checked([batch, keyHeads, Math.max(total, past), size]) };
  return [{ type, shape: call.checked([batch, length, heads * size]) }, present, present];
};

function recurrent(hasCells: boolean): Rule {
  return (call) => {
    const isBatchFirst = call.int('layout', 0) === 1;
    const [first, second] = call.shapeOfRank(0, 3, 3);
    const [length, batch] = isBatchFirst ? [second, first] : [first, second];
    const [directions] = call.shapeOfRank(1, 3, 3);
    const [, , width] = call.shapeOfRank(2, 3, 3);
    const size = call.int('hidden_size', width);
    const { type } = call.at(0);
    const all = isBatchFirst ? [batch, length, directions, size] : [length, directions, batch, size];
    const last = { type, shape: call.checked(isBatchFirst ? [batch, directions, size] : [directions, batch, size]) };
    return [{ type, shape: call.checked(all) }, last, ...(hasCells ? [last] : [])];
  };
}

export const ATTENTION_RULES: Readonly<Record<string, Rule>> = {
  Attention: attention,
  GRU: recurrent(false),
  LSTM: recurrent(true),
  RNN: recurrent(false),
  RotaryEmbedding: likeFirst,
  'com.microsoft.Attention': projectedAttention,
  'com.microsoft.GroupQueryAttention': groupQuery,
  'com.microsoft.MultiHeadAttention': multiHead,
  'com.microsoft.RotaryEmbedding': likeFirst,
};
