/**
 * A graph as text for a program in C around ggml's allocator, which then needs no parser. Numbers, separated by spaces:
 *
 *     tensors leafs nodes
 *     type ne[4] nb[4] kind external input output view viewOffset sourceCount source…     one line a tensor
 *     leaf…
 *     node…
 *
 * `type` is ggml's number, `kind` 0 for no operation, 2 for one that ggml may run in place, 1 for any other; `view` and
 * empty sources are -1.
 */
import { elementType } from '../src/tensor/element-type.js';
import { graphFromJson } from '../src/json/read.js';
import { graphToJson } from '../src/json/write.js';

export function peerText(document: unknown): string {
  const { tensors, leafs, nodes } = graphToJson(graphFromJson(document));
  const rows = tensors.map((row) => {
    const { op, type, shape, strides, inplace = false, external = false, input = false, output = false } = row;
    const { view = -1, viewOffset = 0, src = [] } = row;
    const kind = op === 'NONE' ? 0 : inplace ? 2 : 1;
    const flags = [external, input, output].map(Number);
    return [elementType(type).ggufId, ...shape, ...strides, kind, ...flags, view, viewOffset, src.length, ...src].join(
      ' ',
    );
  });
  const counts = [tensors.length, leafs.length, nodes.length];
  return [counts.join(' '), ...rows, leafs.join(' '), nodes.join(' ')].join('\n');
}
