/**
 * `npm run bench:split`: how few bytes models need where regions are computed in parts, and what that costs.
 *
 * Every result is checked by `verifyEquivalent` at full size. The graphs are built from headers and model rows; outputs are
 * written into memory of the caller, since a buffer that holds all logits cannot be smaller than they are. Then how long
 * `fitGraph` takes to bring graphs of llama.cpp into a share of their buffer.
 */
import { readGguf } from '../src/gguf/gguf.js';
import type { Graph } from '../src/graph/graph.js';
import { measureDiffusion, type DiffusionModelName } from '../src/models/diffusion/index.js';
import { measureModel } from '../src/models/measure-model.js';
import type { ModelOptions } from '../src/models/options.js';
import { fitGraph, splitGraph, verifyEquivalent } from '../src/passes/index.js';
import { sharedIsPresent, sharedPath } from '../test/support/shared-data.js';

interface Case {
  readonly name: string;
  readonly graph: () => Promise<Graph>;
  /** MiB that it should come down to. */
  readonly aim: number;
}

function llama(file: string, name: string, aim: number, options: ModelOptions = {}): Case {
  const asked = { ctxSize: 4096, ubatchSize: 512, outputs: 0, flashAttention: false, ...options };
  return {
    name,
    aim,
    graph: async () => measureModel(await readGguf(sharedPath('gguf', `${file}.gguf`)), asked).graph,
  };
}

function diffusion(model: DiffusionModelName, part: 'denoiser' | 'decoder', side: number, aim: number): Case {
  const graph = (): Promise<Graph> => {
    const measured = measureDiffusion({ model, width: side, height: side });
    return Promise.resolve(part === 'denoiser' ? measured.diffusion[0].graph : measured.vae.decode.graph);
  };
  return { name: `${model} ${part}, ${side} × ${side}`, aim, graph };
}

const CASES: readonly Case[] = [
  llama('gemma-3-4b', 'gemma-3-4b', 69),
  llama('gpt-oss-20b', 'gpt-oss-20b', 211),
  llama('llama-3.1-8b', 'llama-3.1-8b, 32k, flash attention', 416, {
    ctxSize: 32768,
    batchSize: 2048,
    ubatchSize: 2048,
    flashAttention: true,
  }),
  llama('mixtral-8x7b', 'mixtral-8x7b', 164),
  llama('deepseek-v2-lite', 'deepseek-v2-lite', 107),
  diffusion('sd1.5', 'denoiser', 512, 106),
  diffusion('sdxl', 'denoiser', 1024, 238),
  diffusion('sd1.5', 'decoder', 512, 832),
  llama('phi-3-mini-4k', 'phi-3-mini-4k, flash attention', 58, { flashAttention: true }),
];

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const only = process.argv[2];
console.log(
  `| graph | nodes | before, MiB | aim | ≤ 0 % extra | ≤ 10 % extra | extra | read again, GiB | regions | nodes | ms | ≤ 100 % extra |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |`,
);
for (const { name, graph: make, aim } of CASES.filter((each) => only === undefined || each.name.includes(only))) {
  if (!sharedIsPresent) break;
  const graph = await make();
  const [none, some, much] = [0, 0.1, 1].map((maxExtraOps) => {
    const start = performance.now();
    const split = splitGraph(graph, { maxExtraOps, streamOutputs: true });
    const ms = performance.now() - start;
    const [violation] = verifyEquivalent(graph, split);
    if (violation !== undefined) throw new Error(`${name}: ${violation.message}`);
    return { ...split, ms };
  });
  const cells = [
    name,
    graph.nodes.length,
    mib(some.peakBefore),
    aim,
    mib(none.peak),
    mib(some.peak),
    percent(some.extraOps),
    (some.rereadBytes / 2 ** 30).toFixed(1),
    some.regionCount,
    some.graph.nodes.length,
    some.ms.toFixed(0),
    mib(much.peak),
  ];
  console.log(`| ${cells.join(' | ')} |`);
}

const FITTED = ['llama-3.2-1b', 'gemma-3-4b', 'llama-3.1-8b', 'qwen3-30b-a3b'];

console.log('\n| graph, 4,096 tokens | budget, bytes | fits | bytes | read again, GiB | ms |');
console.log('| --- | --: | --- | --: | --: | --: |');
for (const name of only === undefined && sharedIsPresent ? FITTED : []) {
  const { graph, compute } = measureModel(await readGguf(sharedPath('gguf', `${name}.gguf`)), { ctxSize: 4096 });
  for (const budget of [0.8, 0.5].map((share) => Math.floor(share * compute))) {
    const start = performance.now();
    const { fits, plan, cost } = fitGraph(graph, budget);
    const ms = performance.now() - start;
    const [bytes, reread] = [plan.bufferSize.toLocaleString('en'), (cost.rereadBytes / 2 ** 30).toFixed(1)];
    console.log(`| ${[name, budget.toLocaleString('en'), fits, bytes, reread, ms.toFixed(0)].join(' | ')} |`);
  }
}
