/**
 * What a page pays for one name of the package: bytes of JavaScript, minified, as esbuild and Vite bundle it without any
 * settings. `npm run bench:size` after `npm run build`; with a folder, it measures the package that is installed there.
 *
 * Each bundle is loaded and used, so that none is small for lack of something. Ends with 1 if a bundle is above its
 * limit, asks for anything of Node, or does not work.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build as buildWithEsbuild } from 'esbuild';
import type { measureGraph, planGraph, solve } from 'tensor-arena';
import { Context, createProblem, Graph, verifyPlan, type PlannerError } from 'tensor-arena';
import { readGguf } from 'tensor-arena/gguf';
import { ARCHITECTURES } from '../src/models/architectures/index.js';
import type { measureModel } from 'tensor-arena/models';
import { groupDigits } from 'tensor-arena/viewer';
import { build as buildWithVite } from 'vite';
import { projectPath } from '../test/support/shared-data.js';

interface Row {
  readonly name: string;
  readonly from: string;
  /** The most bytes that it may take. */
  readonly limit: number;
  /** Whether what was bundled does its work. */
  readonly works: (bundled: never) => unknown;
}

const problem = createProblem([{ size: 64, start: 0, end: 2 }]);
const ctx = Context.deferred();
const graph = Graph.forward(ctx.setOutput(ctx.relu(ctx.setInput(ctx.newTensor('f32', [64])))));
const model = readFileSync(projectPath('examples/phi-3-mini-4k.gguf'));

/** Most limits leave room for a few features; whoever raises one says in the changelog what it buys. */
const ROWS: readonly Row[] = [
  {
    name: 'PlannerError',
    from: 'tensor-arena',
    limit: 3_000,
    works: (bundled: typeof PlannerError) =>
      new bundled('BAD_ARGUMENT', { message: '', culprit: 'size', value: -1, limit: '0', remedy: 'Raise it.' })
        .culprit === 'size',
  },
  {
    name: 'createProblem',
    from: 'tensor-arena',
    limit: 10_000,
    works: (bundled: typeof createProblem) => bundled([{ size: 64, start: 0, end: 2 }]).bufferCount === 1,
  },
  {
    name: 'solve',
    from: 'tensor-arena',
    limit: 60_000,
    works: (bundled: typeof solve) => bundled(problem).bufferSize === 64,
  },
  {
    name: 'measureGraph',
    from: 'tensor-arena',
    limit: 90_000,
    works: (bundled: typeof measureGraph) => bundled(graph).bufferSize === 256,
  },
  {
    name: 'planGraph',
    from: 'tensor-arena',
    limit: 107_200,
    works: (bundled: typeof planGraph) => verifyPlan(graph, bundled(graph)).length === 0,
  },
  {
    name: 'readGguf',
    from: 'tensor-arena/gguf',
    limit: 40_000,
    works: async (bundled: typeof readGguf) => (await bundled(model)).tensors.length > 0,
  },
  {
    name: 'measureModel',
    from: 'tensor-arena/models',
    limit: 450_000,
    works: async (bundled: typeof measureModel) => bundled(await readGguf(model)).compute > 0,
  },
];

let runs = 0;
const scratch = mkdtempSync(join(tmpdir(), 'tensor-arena-size-'));
const installed = process.argv[2] ?? projectPath();

/** A page's folder: one script, and the package in `node_modules`. */
function makePage({ name, from }: Row): string {
  const folder = join(scratch, name);
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  const target = process.argv[2] === undefined ? installed : resolve(installed, 'node_modules/tensor-arena');
  symlinkSync(target, join(folder, 'node_modules/tensor-arena'), 'dir');
  writeFileSync(join(folder, 'page.js'), `import { ${name} } from '${from}';\nglobalThis.bundled = ${name};\n`);
  writeFileSync(join(folder, 'index.html'), '<!doctype html><script type="module" src="./page.js"></script>');
  return folder;
}

async function withEsbuild(folder: string): Promise<string[]> {
  const entry = join(folder, 'page.js');
  const { outputFiles } = await buildWithEsbuild({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    logLevel: 'error',
  });
  return outputFiles.map(({ text }) => text);
}

/** Vite's own script that loads modules early is left out: a bundle is run without a document here. */
async function withVite(folder: string): Promise<string[]> {
  const result = await buildWithVite({
    root: folder,
    configFile: false,
    logLevel: 'error',
    build: { write: false, modulePreload: { polyfill: false } },
  });
  if (!('output' in result)) throw new Error('Vite has built something else than one page.');
  return result.output.flatMap((file) => (file.type === 'chunk' ? [file.code] : []));
}

/** What a bundler leaves of Node's modules, inlined, external or stubbed. */
const NODE = /\bnode:|__vite-browser-external|\brequire\(["'`]|\b(?:from|import)\s*\(?\s*["'`](?:fs|stream|url)\b/;

async function faultsOf({ name, limit, works }: Row, files: readonly string[], bytes: number): Promise<string[]> {
  const faults = bytes > limit ? [`above its limit of ${groupDigits(limit)}`] : [];
  if (files.length !== 1) faults.push(`in ${files.length} files`);
  if (files.some((text) => NODE.test(text))) faults.push('asks for Node');
  const path = join(scratch, `${name}-${runs++}.mjs`);
  writeFileSync(path, files[0]);
  await import(pathToFileURL(path).href);
  if ((await works((globalThis as { bundled?: unknown }).bundled as never)) !== true) faults.push('does not work');
  return faults;
}

/** The part that llama.cpp's architectures have in the bundle of `measureModel`, which knows all of them. */
async function printArchitectures(): Promise<void> {
  const { metafile } = await buildWithEsbuild({
    entryPoints: [projectPath('src/models/measure-model.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
    metafile: true,
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  const files = Object.entries(inputs).filter(([file]) => file.includes('models/architectures/'));
  const bytes = files.reduce((sum, [, { bytesInOutput }]) => sum + bytesInOutput, 0);
  const each = Math.round(bytes / ARCHITECTURES.size);
  console.log(`${groupDigits(bytes)} bytes for ${ARCHITECTURES.size} architectures, ${groupDigits(each)} each`);
}

console.log('name             esbuild      Vite     limit   bytes, minified');
try {
  for (const row of ROWS) {
    const folder = makePage(row);
    const cells: string[] = [];
    for (const bundle of [withEsbuild, withVite]) {
      const files = await bundle(folder);
      const bytes = files.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      cells.push(groupDigits(bytes).padStart(10));
      for (const fault of await faultsOf(row, files, bytes)) {
        console.error(`${row.name}, ${bundle.name}: ${fault}`);
        process.exitCode = 1;
      }
    }
    console.log(`${row.name.padEnd(14)}${cells.join('')}${groupDigits(row.limit).padStart(10)}`);
  }
  await printArchitectures();
} finally {
  rmSync(scratch, { recursive: true });
}
