/**
 * What imports say of the house: no file stands in a circle of files, and none looks upward. The lint rules see one
 * import at a time; a circle within a folder, or by way of a dynamic import, is seen here only.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { LAYERS } from '../eslint.config.js';
import { projectPath } from './support/shared-data.js';

/** What each file imports, types included. Paths from the root of the repository. */
type Imports = ReadonlyMap<string, readonly string[]>;

function importsOf(folders: readonly string[]): Imports {
  const files = folders.flatMap((folder) =>
    readdirSync(projectPath(folder), { recursive: true, encoding: 'utf8' })
      .map((path) => `${folder}/${path.replaceAll('\\', '/')}`)
      .filter((path) => path.endsWith('.ts') && !path.includes('/dist/')),
  );
  return new Map(files.map((file) => [file, readImports(file, readFileSync(projectPath(file), 'utf8'))]));
}

/** The files that `text`, the content of `file`, imports. */
function readImports(file: string, text: string): string[] {
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.map(({ fileName }) => fileName)
    .filter((name) => name.startsWith('.'))
    .map((name) => join(dirname(file), name).replace(/\.js$/, '.ts'));
}

/** Groups of two or more files each of which imports all others of its group, by way of others: Tarjan's algorithm. */
function circlesOf(imports: Imports): string[][] {
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const path: string[] = [];
  const circles: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    path.push(file);
    for (const next of imports.get(file) ?? []) {
      if (!order.has(next)) visit(next);
      if (path.includes(next)) lowest.set(file, Math.min(lowest.get(file)!, lowest.get(next)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = path.splice(path.indexOf(file));
    if (circle.length > 1) circles.push(circle.sort());
  };
  for (const file of imports.keys()) if (!order.has(file)) visit(file);
  return circles.sort();
}

/** The row of the layers that a file of `src/` is in; -1 for any other file. */
function rowOf(file: string): number {
  return LAYERS.indexOf(/^src\/([\w-]+)(\/|\.ts$)/.exec(file)?.[1] ?? '');
}

/** Imports from a row below, as the layers list them. An entry point of a subpath may import from any row. */
function upwardImports(imports: Imports): string[] {
  return [...imports].flatMap(([file, targets]) =>
    /^src\/\w+\/index\.ts$/.test(file)
      ? []
      : targets.filter((target) => rowOf(target) > rowOf(file)).map((target) => `${file} imports ${target}`),
  );
}

const imports = importsOf(['src', 'web']);

describe('imports', () => {
  it('are read, of every kind', () => {
    const text = `import { a } from './a.js'; import type { B } from '../b.js'; export * from './c.js';
      const d = await import('./d.js'); type E = import('./e.js').E; import 'fast-check'; // import './f.js'`;
    const found = ['src/x/a.ts', 'src/b.ts', 'src/x/c.ts', 'src/x/d.ts', 'src/x/e.ts'];
    expect(readImports('src/x/y.ts', text).sort()).toEqual(found.sort());
    expect(imports.get('src/cli/program.ts')).toContain('src/cli/map.ts');
    expect([...imports.values()].flat().filter((file) => file.endsWith('.ts') && !imports.has(file))).toEqual([]);
  });

  it('go in no circle of files', () => {
    const circle = new Map([
      ['a', ['b', 'd']],
      ['b', ['c']],
      ['c', ['a', 'd']],
      ['d', ['d']],
    ]);
    expect(circlesOf(circle)).toEqual([['a', 'b', 'c']]);
    expect(circlesOf(imports)).toEqual([]);
  });

  it('do not go upward', () => {
    expect([...imports.keys()].filter((file) => file.startsWith('src/') && rowOf(file) === -1)).toEqual([]);
    const upward = new Map([['src/units.ts', ['src/tensor/shape.ts', 'src/errors.ts']]]);
    expect(upwardImports(upward)).toEqual(['src/units.ts imports src/tensor/shape.ts']);
    expect(upwardImports(imports)).toEqual([]);
  });

  it('is drawn on the page of the architecture, folder by folder', () => {
    const page = readFileSync(projectPath('docs/architecture.md'), 'utf8');
    const folders = LAYERS.filter((layer) => readdirSync(projectPath('src')).includes(layer));
    expect(folders.length).toBeGreaterThan(15);
    expect(folders.filter((folder) => !new RegExp(`\\| \`${folder}/`).test(page))).toEqual([]);
  });
});
