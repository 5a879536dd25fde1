/**
 * Makes the pictures of the guides, with the library itself: `npm run docs:pictures`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  ALLOCATORS,
  graphFromJson,
  measureModel,
  memoryMapOfPlacement,
  parseProblemCsv,
  planGraph,
  renderMap,
  type AllocatorName,
} from 'tensor-arena';
import { readGguf } from 'tensor-arena/gguf';

const SIZE = { width: 960, height: 520 };

function save(name: string, svg: string): void {
  writeFileSync(new URL(`guides/pictures/${name}.svg`, import.meta.url), `${svg}\n`);
}

const block = graphFromJson(JSON.parse(readFileSync('examples/attention.json', 'utf8')));
save('attention', renderMap(planGraph(block), { ...SIZE, title: 'An attention block' }));

const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
const { graph } = measureModel(gguf, { ctxSize: 4096, flashAttention: false });
save('phi-3', renderMap(planGraph(graph), { ...SIZE, title: 'Phi-3 mini, context 4096', tooltips: false }));

const { problem, ids, steps } = parseProblemCsv(readFileSync('examples/problem.csv', 'utf8'));
for (const name of ['ggml', 'greedy-by-size', 'auto'] satisfies AllocatorName[]) {
  const map = memoryMapOfPlacement(problem, ALLOCATORS[name].place(problem), ids, name, steps);
  const whole = { steps: { from: 0, to: map.stepCount }, bytes: { from: 0, to: 840 * 1024 } };
  save(`problem-${name}`, renderMap(map, { ...SIZE, title: `Placed by ${name}`, window: whole }));
}
