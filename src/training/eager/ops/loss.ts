/**
 * Embeddings and the cross entropy: what stands at the two ends of a model.
 */
import { gradNode } from '../grad-node.js';
import type { Tape } from '../tape.js';
import type { Value } from '../value.js';
import { inF32 } from './cast.js';

/** `embedding(ids, table)`: the ids are saved. */
export function embedding(t: Tape, table: Value, ids: Value): Value {
  const node = gradNode(t, [table]);
  const kept = node?.save(ids);
  const spec = { type: table.type, shape: [...ids.shape, table.shape[1]] };
  const [rows] = t.emit('aten.embedding.default', [table, ids], [spec]);
  node?.finish([rows], ([gradient]) => {
    const { type, shape } = table;
    return t.emit('aten.embedding_dense_backward.default', [gradient!, kept!.get()], [{ type, shape }]);
  });
  return rows;
}

/** `cross_entropy(logits, labels)`, the mean over all rows. */
export function crossEntropy(t: Tape, logits: Value, labels: Value): Value {
  return nllLoss(t, logSoftmax(t, inF32(t, logits)), labels);
}

function logSoftmax(t: Tape, logits: Value): Value {
  const node = gradNode(t, [logits]);
  const spec = { type: logits.type, shape: logits.shape };
  const [result] = t.emit('aten._log_softmax.default', [logits], [spec]);
  const kept = node?.save(result);
  node?.finish([result], ([gradient]) =>
    t.emit('aten._log_softmax_backward_data.default', [gradient!, kept!.get()], [spec]),
  );
  return result;
}

function nllLoss(t: Tape, logProbabilities: Value, labels: Value): Value {
  const node = gradNode(t, [logProbabilities]);
  const kept = [node?.save(logProbabilities), node?.save(labels)];
  const { type, shape } = logProbabilities;
  const scalar = { type, shape: [] };
  const [loss, weight] = t.emit('aten.nll_loss_forward.default', [logProbabilities, labels], [scalar, scalar]);
  const keptWeight = node?.save(weight);
  node?.finish([loss, weight], ([gradient]) => {
    const operands = [gradient!, ...kept.map((each) => each!.get()), keptWeight!.get()];
    return t.emit('aten.nll_loss_backward.default', operands, [{ type, shape }]);
  });
  return loss;
}
