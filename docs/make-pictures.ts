/**
 * Makes the pictures of the guides, with the library itself: `npm run docs:pictures`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import {
  ALLOCATORS,
  Context,
  Graph,
  measureModel,
  memoryMapOfPlacement,
  parseProblemCsv,
  planGraph,
  renderMap,
  type AllocatorName,
  type Plan,
} from 'tensor-arena';
import { readGguf } from 'tensor-arena/gguf';

const SIZE = { width: 960, height: 520 };

function save(name: string, svg: string): void {
  writeFileSync(new URL(`guides/pictures/${name}.svg`, import.meta.url), `${svg}\n`);
}

/** Self-attention and what follows it, with names as people give them. */
function attentionBlock(): Plan {
  const ctx = Context.deferred();
  const weights = Context.virtual();
  const named = <T extends { name: string }>(tensor: T, name: string): T => Object.assign(tensor, { name });
  const weight = (name: string, rows: number, columns: number) => weights.newTensor('f16', [rows, columns], name);
  const x = ctx.setInput(ctx.newTensor('f32', [64, 32], 'x'));
  const normed = named(ctx.rmsNorm(x, 1e-5), 'normed');
  const query = named(ctx.mulMat(weight('wq', 64, 64), normed), 'query');
  const key = named(ctx.mulMat(weight('wk', 64, 64), normed), 'key');
  const value = named(ctx.mulMat(weight('wv', 64, 64), normed), 'value');
  const scores = named(ctx.mulMat(key, query), 'scores');
  const attention = named(ctx.softMax(scores), 'attention');
  const turned = named(ctx.cont(named(ctx.transpose(value), 'value, turned')), 'values');
  const mixed = named(ctx.mulMat(turned, attention), 'mixed');
  const residual = named(ctx.add(mixed, x), 'residual');
  const hidden = named(ctx.relu(named(ctx.mulMat(weight('up', 64, 128), residual), 'up')), 'hidden');
  const y = named(ctx.add(ctx.mulMat(weight('down', 128, 64), hidden), residual), 'y');
  return planGraph(Graph.forward(ctx.setOutput(y)));
}

save('attention', renderMap(attentionBlock(), { ...SIZE, title: 'An attention block' }));

const gguf = await readGguf('examples/phi-3-mini-4k.gguf');
const { graph } = measureModel(gguf, { ctxSize: 4096, flashAttention: false });
save('phi-3', renderMap(planGraph(graph), { ...SIZE, title: 'Phi-3 mini, context 4096', tooltips: false }));

const { problem, ids } = parseProblemCsv(readFileSync('examples/problem.csv', 'utf8'));
for (const name of ['ggml', 'greedy-by-size', 'auto'] satisfies AllocatorName[]) {
  const map = memoryMapOfPlacement(problem, ALLOCATORS[name].place(problem), ids, name);
  const whole = { steps: { from: 0, to: map.stepCount }, bytes: { from: 0, to: 840 * 1024 } };
  save(`problem-${name}`, renderMap(map, { ...SIZE, title: `Placed by ${name}`, window: whole }));
}
