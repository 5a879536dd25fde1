/**
 * Whether a graph that a pass has made yields the bits of the graph that it was made of, run by the reference executor.
 */
import { executeGraph } from '../../src/exec/reference/execute.js';
import { fillLeafs } from '../../src/exec/reference/fill.js';
import { Memory } from '../../src/exec/reference/memory.js';
import type { Graph } from '../../src/graph/graph.js';
import type { Rewritten } from '../../src/graph/rewritten.js';

/** Labels of the outputs that differ. */
export function differingOutputs(graph: Graph, { graph: changed, origin }: Rewritten, seed = 1): string[] {
  const [before, after] = [Memory.separate(graph), Memory.separate(changed)];
  fillLeafs(graph, before, seed);
  changed.tensors.forEach((tensor, id) => {
    const isGiven = !tensor.isView && (changed.inputs.has(tensor) || changed.leafs.includes(tensor));
    if (isGiven && origin[id] !== -1) after.storage(tensor).set(before.storage(graph.tensors[origin[id]]));
  });
  executeGraph(graph, before);
  executeGraph(changed, after);
  return [...graph.outputs].flatMap((output) => {
    const id = graph.tensors.indexOf(output);
    const found = changed.tensors.filter((tensor, index) => origin[index] === id && changed.outputs.has(tensor));
    const expected = bitsOf(before, output);
    return found.length === 1 && bitsOf(after, found[0]) === expected ? [] : [output.label];
  });
}

function bitsOf(memory: Memory, tensor: Graph['tensors'][number]): string {
  return String(new Uint32Array(Float32Array.from(memory.read(tensor)).buffer));
}
