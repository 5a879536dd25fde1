/** Draft. */
import { readGguf } from '../src/gguf/gguf.js';
import { measureModel } from '../src/models/measure-model.js';
import { splitGraph } from '../src/passes/index.js';
import { sharedPath } from '../test/support/shared-data.js';

const CASES = [
  ['gemma-3-4b', { ctxSize: 4096, ubatchSize: 512, outputs: 0 }],
] as const;
const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
for (const [name, options] of CASES) {
  const gguf = await readGguf(sharedPath('gguf', `${name}.gguf`));
  const { graph } = measureModel(gguf, { ...options });
  for (const streamOutputs of [false, true]) {
    const start = performance.now();
    const split = splitGraph(graph, { streamOutputs });
    const ms = performance.now() - start;
    console.log(name, streamOutputs, mib(split.peakBefore), mib(split.peak), split.regionCount, split.extraOps, mib(split.rereadBytes), split.graph.nodes.length, ms.toFixed(0));
  }
}
