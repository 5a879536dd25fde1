/**
 * Every example that a reader can copy is compiled and run: fenced `ts` blocks of the Markdown files, and `@example`
 * blocks in the sources.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ARCHITECTURES } from '../../src/models/architectures/index.js';
import { projectPath } from '../support/shared.js';

interface Example {
  /** File and line where the block starts. */
  readonly source: string;
  readonly code: string;
}

const GENERATED = projectPath('test/.examples');

const examples = ['README.md', ...filesBelow('docs', '.md'), ...filesBelow('src', '.ts')].flatMap((file) =>
  examplesOf(file, readFileSync(projectPath(file), 'utf8')),
);

function filesBelow(folder: string, extension: string): string[] {
  const files = readdirSync(projectPath(folder), { recursive: true, encoding: 'utf8' });
  return (
    files
      // What TypeDoc makes of them is in docs/api.
      .filter((file) => file.endsWith(extension) && !file.startsWith('api/'))
      .sort()
      .map((file) => `${folder}/${file}`)
  );
}

/** Fenced blocks marked `ts`, without the ` * ` of a doc comment around them. */
function examplesOf(file: string, text: string): Example[] {
  const body = file.endsWith('.ts') ? text.replace(/^ *\* ?/gm, '') : text;
  return [...body.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => ({
    source: `${file}:${body.slice(0, match.index).split('\n').length}`,
    code: match[1],
  }));
}

const pathOf = (index: number): string => join(GENERATED, `example-${index}.ts`);

beforeAll(() => {
  rmSync(GENERATED, { recursive: true, force: true });
  mkdirSync(GENERATED, { recursive: true });
  // `export {}` makes a module of an example without imports, so that names do not clash.
  examples.forEach(({ code }, index) => writeFileSync(pathOf(index), `${code}\nexport {};\n`));
});

// The guide on architectures adds one to the table, which other test files share.
const known = new Set(ARCHITECTURES.keys());

afterAll(() => {
  const table = ARCHITECTURES as Map<string, unknown>;
  for (const name of table.keys()) if (!known.has(name)) table.delete(name);
});

describe('examples', () => {
  it('are found where readers look', () => {
    expect(examples.some(({ source }) => source.startsWith('README.md'))).toBe(true);
    expect(examples.some(({ source }) => source.startsWith('src/'))).toBe(true);
  });

  it('compile', () => {
    const config = ts.readConfigFile(projectPath('tsconfig.json'), (path) => ts.sys.readFile(path)).config as object;
    const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, projectPath());
    const program = ts.createProgram(
      examples.map((_, index) => pathOf(index)),
      // What a stricter reader asks of the compiler than this project does.
      { ...options, noUnusedLocals: false, noUncheckedIndexedAccess: true, exactOptionalPropertyTypes: true },
    );
    const files = examples.map((_, index) => program.getSourceFile(pathOf(index)));
    const diagnostics = files.flatMap((file) => ts.getPreEmitDiagnostics(program, file));
    const problems = diagnostics.map((diagnostic) => {
      const file = diagnostic.file?.fileName ?? '';
      const index = Number(/example-(\d+)/.exec(file)?.[1] ?? -1);
      const where = examples[index]?.source ?? relative(projectPath(), file);
      return `${where}: ${ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')}`;
    });
    expect(problems).toEqual([]);
  });

  it.each(examples.map(({ source }, index) => [source, index] as const))('run: %s', async (_source, index) => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
    try {
      await import(/* @vite-ignore */ pathOf(index));
    } finally {
      log.mockRestore();
    }
  });
});
