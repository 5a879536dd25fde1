/**
 * `tensor-arena map FILE -o OUT.svg|OUT.html`: what does the plan look like?
 */
import { basename } from 'node:path';
import type { AllocatorName } from '../alloc/allocators.js';
import type { Graph } from '../graph/graph.js';
import { planGraph } from '../plan/plan.js';
import { exactBytes } from '../report/format.js';
import { drawMap } from '../report/map/draw.js';
import { memoryMapOf, memoryMapOfPlacement } from '../report/map/from-plan.js';
import { renderMapHtml } from '../report/map/html.js';
import type { MemoryMap } from '../report/map/memory-map.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { CliError, inFile } from './failure.js';
import { planOptionsOf, type Flags } from './flags.js';
import { readInput, type Input } from './inputs.js';
import { checkOutput, writeOutput } from './output.js';
import { placeProblem } from './placed-problem.js';
import { withProgress } from './progress.js';
import { printNote, type Terminal } from './terminal.js';

/** Maps of one input by any allocator. */
interface Source {
  /** What the user asked for, or the command's default. */
  readonly allocator: AllocatorName;
  readonly map: (allocator: AllocatorName) => MemoryMap;
}

/** Writes a picture, or a page that compares the plan with ggml's (or, if it is ggml's, with ours). */
export async function map(file: string, flags: Flags, terminal: Terminal): Promise<ExitCode> {
  const { output } = flags;
  const isPage = /\.html?$/i.test(output ?? '');
  if (output !== undefined && !isPage && !/\.svg$/i.test(output)) {
    throw new CliError(`-o ${output}: its name must end in .svg or .html`);
  }
  if (isPage && (flags.colors ?? flags.theme) !== undefined) {
    printNote(terminal, '--colors and --theme have no effect: in a page, the reader chooses');
  }
  checkOutput(output, file);
  const { text, bufferSize } = await withProgress(terminal, [file], 2, (announce) =>
    inFile(file, async () => {
      announce(`reading ${file}`);
      const input = await readInput(file, flags);
      announce(`planning ${file}`);
      const source = await sourceOf(input, flags);
      const drawn = source.map(source.allocator);
      const title = basename(file);
      const picture = (): string => drawMap(drawn, { title, colors: flags.colors, theme: flags.theme });
      return { text: isPage ? pageOf(source, drawn, title) : picture(), bufferSize: drawn.bufferSize };
    }),
  );
  if (output === undefined) {
    terminal.write(`${text}\n`);
  } else {
    writeOutput(output, text);
    terminal.write(`${output}: map of ${exactBytes(bufferSize)}\n`);
  }
  return EXIT.done;
}

function pageOf(source: Source, drawn: MemoryMap, title: string): string {
  return renderMapHtml(drawn, source.map(source.allocator === 'ggml' ? 'auto' : 'ggml'), title);
}

async function sourceOf(input: Input, flags: Flags): Promise<Source> {
  switch (input.kind) {
    case 'problem': {
      const { problem, ids, steps } = input.csv;
      const place = (allocator: AllocatorName): MemoryMap => {
        const { placement } = placeProblem(problem, { ...flags, allocator });
        return memoryMapOfPlacement(problem, placement, ids, allocator, steps);
      };
      return { allocator: flags.allocator ?? 'auto', map: place };
    }
    case 'graph':
      return sourceOfGraph(input.graph, flags, 'auto');
    case 'model': {
      const { measureModel } = await import('../models/measure-model.js');
      return sourceOfGraph(measureModel(input.gguf, flags).graph, flags, 'ggml');
    }
  }
}

function sourceOfGraph(graph: Graph, flags: Flags, fallback: AllocatorName): Source {
  const plan = (allocator: AllocatorName): MemoryMap => {
    return memoryMapOf(planGraph(graph, planOptionsOf({ ...flags, allocator }, fallback)));
  };
  return { allocator: flags.allocator ?? fallback, map: plan };
}
