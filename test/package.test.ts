/**
 * What holds for the package as a whole: the core stands alone, the layers keep their order, the manifest names what
 * exists. The lint rules are tested here too: a rule that no longer bites would go unnoticed.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';
import { checkCommonJs } from '../.ci/check-common-js.mjs';
import { keepClassNames } from '../.ci/keep-class-names.mjs';
import { markPure } from '../.ci/mark-pure.mjs';
import { projectPath } from './support/shared.js';

interface Manifest {
  name: string;
  license: string;
  bin: Record<string, string>;
  exports: Record<string, string | { import: { default: string; types: string } }>;
  typesVersions: Record<string, Record<string, string[]>>;
  repository: { url: string };
  dependencies?: Record<string, string>;
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
      .filter(({ text }) => /['"]node:|\bprocess\.|\brequire\(['"]/.test(text));
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

  it('names the types of every subpath for resolutions that know no exports', () => {
    const types = Object.entries(manifest.exports).flatMap(([subpath, entry]) =>
      typeof entry === 'string' || subpath === '.' ? [] : [[subpath.slice(2), [entry.import.types]] as const],
    );
    expect(manifest.typesVersions).toEqual({ '*': Object.fromEntries(types) });
  });

  it('exports a subpath for every folder with an entry point', () => {
    const entries = sources.flatMap(
      ({ path }) => /^(?:dialects\/)?(\w+|models\/diffusion)\/index\.ts$/.exec(path)?.[1] ?? [],
    );
    const subpaths = Object.keys(manifest.exports).filter((subpath) => !['.', './package.json'].includes(subpath));
    expect(subpaths.sort()).toEqual(entries.map((entry) => `./${entry}`).sort());
    expect(subpaths).toEqual(expect.arrayContaining(['./gguf', './ggml']));
  });

  it('has an API page for every entry point', () => {
    const { entryPoints } = JSON.parse(readFileSync(projectPath('typedoc.json'), 'utf8')) as { entryPoints: string[] };
    const entries = sources
      .map(({ path }) => `src/${path}`)
      .filter((path) => /^src\/(dialects\/)?(\w+\/|models\/diffusion\/)?index\.ts$/.test(path));
    expect([...entryPoints].sort()).toEqual(entries.sort());
  });

  it('has no dependency that docs/decisions does not explain', () => {
    const decisions = readFileSync(projectPath('docs/decisions/dependencies.md'), 'utf8');
    const { dependencies, devDependencies, peerDependencies = {} } = manifest;
    for (const name of Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })) {
      expect(decisions, name).toContain(`\`${name}\``);
    }
  });

  it('has no runtime dependency', () => {
    expect(manifest.dependencies).toBeUndefined();
  });
});

describe('README.md', () => {
  const text = readFileSync(projectPath('README.md'), 'utf8');
  const links = [...text.matchAll(/\]\(([^)]*)\)/g)].map(([, link]) => link);
  const repository = manifest.repository.url.replace(/^git\+|\.git$/g, '');

  it('begins with how to install the package', () => {
    expect(/^ {4}(.*)$/m.exec(text)?.[1]).toBe(`npm install ${manifest.name}`);
  });

  it('has links that work where npm shows it', () => {
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !/^(https:|#)/.test(link))).toEqual([]);
  });

  it('links to files that exist', () => {
    const own = links.flatMap((link) => {
      const raw = repository.replace('github.com', 'raw.githubusercontent.com');
      const prefix = [`${repository}/blob/main/`, `${raw}/main/`].find((start) => link.startsWith(start));
      return prefix === undefined ? [] : [link.slice(prefix.length).replace(/#.*/, '')];
    });
    expect(own).toContain('docs/guides/README.md');
    expect(own.filter((file) => !existsSync(projectPath(file)))).toEqual([]);
  });
});

describe('guides, which the package contains', () => {
  const folder = 'docs/guides';
  const guides = readdirSync(projectPath(folder)).filter((file) => file.endsWith('.md'));

  it.each(guides)('%s links to what the package contains, or by an address', (guide) => {
    const text = readFileSync(projectPath(folder, guide), 'utf8');
    const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, link]) => link);
    const missing = links.filter((link) => !link.startsWith('https:') && !existsSync(projectPath(folder, link)));
    expect(missing).toEqual([]);
    expect(links.filter((link) => link.startsWith('..'))).toEqual([]);
  });
});

describe('the build', () => {
  it.each([
    ['a private field', 'exports.isInput = isInput;\nclass A { #isInput = exports.isInput = false }'],
    ['a method', 'class A { set(mark) { this.#isInput = exports.isInput = mark; } }'],
    ['a call', 'f(exports.a += 1);'],
  ])('refuses CommonJS that assigns to exports in %s', (_, text) => {
    expect(checkCommonJs(text, 'chunk.cjs')).toHaveLength(1);
  });

  it('accepts assignments to exports that stand alone', () => {
    expect(checkCommonJs('const f = () => exports.f;\nexports.f = f;\nexports.g = f();', 'chunk.cjs')).toEqual([]);
  });

  it('marks what a module computes while it loads, and nothing that runs later', () => {
    const text = [
      'const a = f(new Map([g()])), b = [1].map((x) => h(x)).flat();',
      'class A { static c = f(); d = f(); }',
      'function later() { return f(); }',
      'register();',
    ];
    const pure = (expression: string): string => `/* @__PURE__ */ (() => ( ${expression}))()`;
    expect(markPure(text.join('\n')).split('\n')).toEqual([
      `const a = ${pure('f(new Map([g()]))')}, b = ${pure('[1].map((x) => h(x)).flat()')};`,
      `class A { static c = ${pure('f()')}; d = f(); }`,
      text[2],
      text[3],
    ]);
    expect(markPure('const a = { ...b }, c = [...d], e = f.g[0], h = 2 ** 32;')).toBe(
      `const a = ${pure('{ ...b }')}, c = ${pure('[...d]')}, e = ${pure('f.g[0]')}, h = 2 ** 32;`,
    );
  });
});

describe('the names of classes', () => {
  it('are said by those that a bundler would rename', () => {
    const own = 'export class A {\n  static of(): A { return new A(); }\n}';
    const getter = ` static get name() { return 'A'; }`;
    expect(keepClassNames(own)).toBe(own.replace('{\n', `{${getter}\n`));
    const other = 'class A { b: A | null = null; c() { return new B(); } }\nfunction f() { return new A(); }';
    expect(keepClassNames(other)).toBe(other);
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
    ['ggml in the planner', 'plan/measure.ts', `import { s } from '../dialects/ggml/shape.js'; s();`, IMPORTS],
    ['a graph in an allocator', 'solver/allocator.ts', `import { g } from '../graph/graph.js'; g();`, IMPORTS],
    ['a graph in the entry point ./solver', 'solver/index.ts', `export * from '../graph/graph.js';`, IMPORTS],
    ['a package in an entry point', 'gguf/index.ts', `export * from '@huggingface/gguf';`, IMPORTS],
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
    ['a package in an entry point', 'gguf/index.ts', `export { gguf } from '@huggingface/gguf';`, IMPORTS],
    ['a shift', 'units.ts', `export const f = (n: number): number => n >>> 5;`, 'no-bitwise'],
  ])('reject %s', async (_, file, text, rule) => {
    expect(await rulesBrokenBy(text, file)).toEqual([rule]);
  });

  it.each([
    ['an import from a row above', 'solver/allocator.ts', `import '../problem/problem.js'; import '../units.js';`],
    ['a type of the solver in the verifier', 'verify/replay.ts', `import type { A } from '../solver/allocator.js';`],
    ['an import from a row below, to export it', 'gguf/index.ts', `export { f } from '../models/f.js';`],
    ['a constant in the web page', '../web/link.ts', `import { CACHE_TYPES } from 'tensor-arena/models';`],
    ['the verifier in the entry point ./solver', 'solver/index.ts', `export * from '../verify/placement.js';`],
    ['a row below in an entry point', 'gguf/index.ts', `export * from '../models/options.js';`],
    ['the GGUF reader in ./gguf', 'gguf/read.ts', `import '@huggingface/gguf';`],
    ['an import from the same row', 'problem/problem.ts', `import './csv.js';`],
    ['the library in the worker of the web page', '../web/worker/worker.ts', `import 'tensor-arena/gguf';`],
    ['the viewer in the web page', '../web/page/map-view.ts', `import 'tensor-arena/viewer';`],
    ['Node and packages in the command', 'cli/main.ts', `import 'node:fs'; import 'commander'; process.exit();`],
  ])('accept %s', async (_, file, text) => {
    expect(await rulesBrokenBy(text, file)).toEqual([]);
  });
});
