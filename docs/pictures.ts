/**
 * The pictures of the guides, by the library itself, from the bundled examples.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ALLOCATORS, graphFromJson, parseProblemCsv, planGraph, type AllocatorName } from 'tensor-arena';
import { memoryMapOf, renderMap } from 'tensor-arena/map';
import { measureModel } from 'tensor-arena/models';
import { readGguf } from 'tensor-arena/gguf';

const SIZE = { width: 960, height: 520 };

const read = (example: string): string => readFileSync(new URL(`../examples/${example}`, import.meta.url), 'utf8');

/** SVG by the name of its file. */
export async function makePictures(): Promise<ReadonlyMap<string, string>> {
  return new Map([['attention', attention()], ['phi-3', await phi3()], ...placements()]);
}

function attention(): string {
  const graph = graphFromJson(JSON.parse(read('attention.json')));
  return renderMap(planGraph(graph), { ...SIZE, title: 'An attention block' });
}

async function phi3(): Promise<string> {
  const gguf = await readGguf(fileURLToPath(new URL('../examples/phi-3-mini-4k.gguf', import.meta.url)));
  const { graph } = measureModel(gguf, { ctxSize: 4096, flashAttention: false });
  return renderMap(planGraph(graph), { ...SIZE, title: 'Phi-3 mini, context 4096', tooltips: false });
}

/** One problem, placed in three ways, at one scale. */
function placements(): [name: string, svg: string][] {
  const csv = parseProblemCsv(read('problem.csv'));
  return (['ggml', 'greedy-by-size', 'auto'] satisfies AllocatorName[]).map((name) => {
    const map = memoryMapOf(csv, ALLOCATORS[name].place(csv.problem), name);
    const window = { steps: { from: 0, to: map.stepCount }, bytes: { from: 0, to: 840 * 1024 } };
    return [`problem-${name}`, renderMap(map, { ...SIZE, title: `Placed by ${name}`, window })];
  });
}
