/**
 * `tensor-arena map FILE -o OUT.svg|OUT.html`: what does the plan look like?
 */
import { basename } from 'node:path';
import type { AllocatorName } from '../solver/allocators.js';
import type { Graph } from '../graph/graph.js';
import { planGraph } from '../plan/plan.js';
import { exactBytes, groupDigits } from '../format.js';
import { drawMap } from '../map/draw.js';
import { memoryMapOf } from '../map/source.js';
import { renderMapHtml } from '../viewer/html.js';
import type { MemoryMap } from '../map/memory-map.js';
import { brokenLimit, oversizeChunk, oversizePool } from './broken-limits.js';
import { EXIT, type ExitCode, CliError } from './cli-error.js';
import { inFile } from './failure.js';
import { modelOptionsOf, planOptionsOf, type Flags } from './flags.js';
import { readInput, type Input } from './inputs.js';
import { checkOutput, writeOutput } from './output.js';
import { placeProblem } from './placed-problem.js';
import { withProgress } from './progress.js';
import { refuseRanges } from './shape-flags.js';
import { printError, printNote, type Terminal } from './terminal.js';

/** A page holds every box of its plans; of so many, it holds one plan only. */
const LARGE_PAGE = 50_000;

interface Drawn {
  readonly map: MemoryMap;
  /** A limit that was asked for and is not kept. */
  readonly broken: string | undefined;
}

/** Maps of one input by any allocator. */
interface Source {
  /** What the user asked for, or the command's default. */
  readonly allocator: AllocatorName;
  /** What a page compares it with; null if no other can place it. */
  readonly other: AllocatorName | null;
  readonly map: (allocator: AllocatorName) => Drawn;
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
  refuseRanges(flags);
  const { text, drawn, broken } = await withProgress(terminal, [file], 2, (announce) =>
    inFile(file, async () => {
      announce(`reading ${file}`);
      const input = await readInput(file, flags, terminal);
      announce(`planning ${file}`);
      const source = await sourceOf(input, flags);
      const { map: drawn, broken } = source.map(source.allocator);
      if (broken !== undefined) return { text: '', drawn, broken };
      const title = basename(file);
      const picture = (): string => drawMap(drawn, { title, colors: flags.colors, theme: flags.theme });
      return { text: isPage ? pageOf(source, drawn, title) : picture(), drawn, broken };
    }),
  );
  if (broken !== undefined) {
    printError(terminal, `${file}: ${broken}`);
    return EXIT.no;
  }
  if (isPage && isLarge(drawn)) {
    const count = groupDigits(drawn.boxes.length);
    printNote(
      terminal,
      `${count} boxes make a large page, so it holds one plan; -o OUT.svg draws them small and at once`,
    );
  }
  if (output === undefined) {
    terminal.write(`${text}\n`);
  } else {
    writeOutput(output, text);
    terminal.write(`${output}: map of ${exactBytes(drawn.bufferSize)}\n`);
  }
  return EXIT.done;
}

function pageOf({ other, map: mapBy }: Source, drawn: MemoryMap, title: string): string {
  const compared = other === null || isLarge(drawn) ? undefined : mapBy(other).map;
  return renderMapHtml(drawn, { other: compared, title });
}

function isLarge({ boxes }: MemoryMap): boolean {
  return boxes.length > LARGE_PAGE;
}

/** Ours and ggml's are what a page compares. */
const otherThan = (allocator: AllocatorName): AllocatorName => (allocator === 'ggml' ? 'auto' : 'ggml');

async function sourceOf(input: Input, flags: Flags): Promise<Source> {
  switch (input.kind) {
    case 'problem': {
      const { problem } = input.csv;
      const place = (by: AllocatorName): Drawn => {
        const { placement } = placeProblem(problem, { ...flags, allocator: by });
        const broken = brokenLimit(input.csv, placement, flags);
        return { map: memoryMapOf(input.csv, placement, by), broken };
      };
      const allocator = flags.allocator ?? 'auto';
      // ggml's allocator keeps no fixed offsets.
      return { allocator, other: problem.fixedOffsets === null ? otherThan(allocator) : null, map: place };
    }
    case 'graph':
      return sourceOfGraph(input.graph, { ...input.defaults, ...flags }, 'auto');
    case 'model': {
      const { measureModel } = await import('../models/measure-model.js');
      return sourceOfGraph(measureModel(input.gguf, modelOptionsOf(flags)).graph, flags, 'ggml');
    }
  }
}

function sourceOfGraph(graph: Graph, flags: Flags, fallback: AllocatorName): Source {
  const plan = (by: AllocatorName): Drawn => {
    const options = planOptionsOf({ ...flags, allocator: by }, fallback);
    const planned = planGraph(graph, { ...options, pools: graph.pools ?? undefined });
    return { map: memoryMapOf(planned), broken: oversizeChunk(planned.chunks, flags) ?? oversizePool(planned) };
  };
  const allocator = flags.allocator ?? fallback;
  return { allocator, other: otherThan(allocator), map: plan };
}
