/**
 * What holds for the package as a whole: the core stands alone, the layers keep their order, the manifest names what
 * exists. The lint rules are tested here too: a rule that no longer bites would go unnoticed.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';
import { projectPath } from './support/shared.js';

interface Manifest {
  name: string;
  license: string;
  bin: Record<string, string>;
  exports: Record<string, string | { import: { default: string } }>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(projectPath('package.json'), 'utf8')) as Manifest;

const sources = readdirSync(projectPath('src'), { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(projectPath('src', path), 'utf8') }));

describe('sources', () => {
  it('are found', () => {
    expect(sources.map(({ path }) => path)).toContain('problem/problem.ts');
  });

  it('use nothing of Node outside src/cli', () => {
    const offenders = sources
      .filter(({ path }) => !path.startsWith('cli/'))
      .filter(({ text }) => /['"]node:|\bprocess\.|\brequire\(/.test(text));
    expect(offenders.map(({ path }) => path)).toEqual([]);
  });

  it('give a reason wherever they switch a lint rule off', () => {
    const silent = sources.flatMap(({ path, text }) =>
      text
        .split('\n')
        .filter((line) => /eslint-disable|\/\*\s*eslint /.test(line) && !/ -- \S/.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(silent).toEqual([]);
  });
});

describe('package.json', () => {
  it('names an existing source for every entry point', () => {
    const outputs = [
      ...Object.values(manifest.exports).flatMap((entry) => (typeof entry === 'string' ? [] : [entry.import.default])),
      ...Object.values(manifest.bin),
    ];
    expect(outputs.length).toBeGreaterThanOrEqual(2);
    for (const output of outputs) {
      const source = output.replace(/^(\.\/)?dist\//, 'src/').replace(/\.c?js$/, '.ts');
      expect(existsSync(projectPath(source)), source).toBe(true);
    }
  });

  it.each(['gguf', 'testing', 'viewer'])('exports the subpath ./%s exactly if its source exists', (subpath) => {
    expect(`./${subpath}` in manifest.exports).toBe(sources.some(({ path }) => path === `${subpath}/index.ts`));
  });

  it('has no dependency that docs/decisions does not explain', () => {
    const decisions = readFileSync(projectPath('docs/decisions/dependencies.md'), 'utf8');
    const { dependencies, devDependencies, peerDependencies = {} } = manifest;
    for (const name of Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })) {
      expect(decisions, name).toContain(`\`${name}\``);
    }
  });

  it('has only the runtime dependency of ./gguf', () => {
    expect(Object.keys(manifest.dependencies)).toEqual(['@huggingface/gguf']);
  });
});

describe('lint rules', () => {
  // Without type information, so that the file need not exist.
  const eslint = new ESLint({
    cwd: projectPath(),
    overrideConfig: { files: ['**/*.ts'], languageOptions: { parserOptions: { projectService: false } } },
    ruleFilter: ({ ruleId }) => /restricted|bitwise/.test(ruleId),
  });

  async function rulesBrokenBy(text: string, file: string): Promise<string[]> {
    const [result] = await eslint.lintText(text, { filePath: projectPath('src', file) });
    return result.messages.map(({ ruleId, message }) => ruleId ?? message);
  }

  const IMPORTS = '@typescript-eslint/no-restricted-imports';

  it.each([
    ['an import from a row below', 'problem/problem.ts', `import '../plan/plan.js';`, IMPORTS],
    ['a type from a row below', 'problem/problem.ts', `import type { Plan } from '../plan/plan.js';`, IMPORTS],
    ['an import from a row below, out of a file', 'units.ts', `import './tensor/types.js';`, IMPORTS],
    ['a re-export from a row below', 'errors.ts', `export * from './units.js';`, IMPORTS],
    ['the planner in the verifier', 'verify/replay.ts', `import { p } from '../plan/plan.js'; p();`, IMPORTS],
    ['an undeclared package in the command', 'cli/main.ts', `import 'lodash';`, IMPORTS],
    ['a graph in an allocator', 'alloc/allocator.ts', `import { g } from '../graph/graph.js'; g();`, IMPORTS],
    ['a Node module in the core', 'units.ts', `import 'node:fs';`, IMPORTS],
    ['a package in the core', 'units.ts', `import 'commander';`, IMPORTS],
    ['a Node global in the core', 'units.ts', `process.exit();`, 'no-restricted-globals'],
    ['a 32-bit operator', 'units.ts', `export const f = (n: number): number => n | 0;`, 'no-bitwise'],
    ['a source of the library in the web page', '../web/main.ts', `import '../src/units.js';`, IMPORTS],
    ['a package in the web page', '../web/worker/worker.ts', `import '@huggingface/gguf';`, IMPORTS],
    [
      'planning in the page itself',
      '../web/page/results.ts',
      `import { solve } from 'tensor-arena'; solve();`,
      IMPORTS,
    ],
    ['a shift', 'units.ts', `export const f = (n: number): number => n >>> 5;`, 'no-bitwise'],
  ])('reject %s', async (_, file, text, rule) => {
    expect(await rulesBrokenBy(text, file)).toEqual([rule]);
  });

  it.each([
    ['an import from a row above', 'alloc/allocator.ts', `import '../problem/problem.js'; import '../units.js';`],
    ['a type of the planner in the verifier', 'verify/replay.ts', `import type { Plan } from '../plan/plan.js';`],
    ['the GGUF reader in ./gguf', 'gguf/read.ts', `import '@huggingface/gguf';`],
    ['an import from the same row', 'problem/problem.ts', `import './csv.js';`],
    ['the library in the worker of the web page', '../web/worker/worker.ts', `import 'tensor-arena/gguf';`],
    ['the viewer in the web page', '../web/page/map-view.ts', `import 'tensor-arena/viewer';`],
    ['Node and packages in the command', 'cli/main.ts', `import 'node:fs'; import 'commander'; process.exit();`],
  ])('accept %s', async (_, file, text) => {
    expect(await rulesBrokenBy(text, file)).toEqual([]);
  });
});
