/**
 * Lint rules. Those that carry the design:
 *
 * - layers: a file imports only from its own row of the table below, or from rows above it; the entry point of a subpath,
 *   which only exports, may import from any row;
 * - the core runs in browsers: no `node:` module and no Node global outside `src/cli/`;
 * - the web page uses the library by its public names;
 * - bytes exceed 32 bits: no bitwise operator in `src/`, short of a line that says why it is no byte count.
 */
import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** From the top: what a row may import stands above it. Folders, and files without their extension. */
export const LAYERS = [
  'errors',
  'units',
  'columns',
  'format',
  'problem',
  'runtime',
  'tensor',
  'graph',
  'dialects',
  'json',
  'device',
  'schedule',
  'liveness',
  'solver',
  'verify',
  'plan',
  'planner',
  'passes',
  'webgpu',
  'exec',
  'gguf',
  'onnx',
  'tflite',
  'models',
  'training',
  'map',
  'viewer',
  'report',
  'testing',
  'index',
  'cli',
];

/** Rows that a layer may not import although they stand above it; types are free. */
const KEPT_APART = {
  liveness: { rows: ['dialects', 'json'], why: 'The core knows no dialect.' },
  solver: {
    rows: ['tensor', 'graph', 'dialects', 'json', 'runtime', 'liveness'],
    why: 'An allocator sees only a Problem.',
  },
  plan: { rows: ['dialects', 'json'], why: 'The core knows no dialect.' },
  passes: { rows: ['dialects', 'json'], why: 'A pass knows no dialect.' },
  verify: {
    rows: ['dialects', 'json', 'liveness', 'solver'], // and no row below, such as the plan
    why: 'The verifier knows no dialect, and shares no code with the planner.',
  },
};

/** npm packages that a layer may import. The core has none. */
const PACKAGES = {
  gguf: ['@huggingface/gguf'],
  onnx: ['@bufbuild/protobuf'],
  tflite: ['flatbuffers'],
  testing: ['fast-check'],
  cli: ['node:', 'commander', 'cli-progress', 'picocolors'],
};

const NODE_GLOBALS = ['process', 'Buffer', 'global', 'require', '__dirname', '__filename', 'setImmediate'];

/**
 * A relative import of one of `rows`, from a file of `src/` at any depth. From a folder it goes up: `./tflite/` is a
 * subfolder there, not the row of that name.
 */
const importOf = (rows, layer) => {
  const start = SINGLE_FILES.includes(layer) ? '\\.{1,2}/' : '\\.\\./';
  return `^${start}(\\.\\./)*(${rows.join('|')})(/|\\.js$)`;
};
const SINGLE_FILES = ['errors', 'units', 'columns', 'format', 'index'];

function layerRules(layer, row) {
  const below = LAYERS.slice(row + 1);
  const apart = KEPT_APART[layer];
  const packages = PACKAGES[layer] ?? [];
  const patterns = [
    {
      regex: `^(?!\\.{1,2}/${packages.map((name) => `|${name}`).join('')})`,
      message: `src/${layer} may import ${packages.join(', ') || 'no package'}.`,
    },
  ];
  if (below.length > 0) {
    patterns.push({
      regex: importOf(below, layer),
      message: `src/${layer} imports only from rows above it: see LAYERS.`,
    });
  }
  if (apart) patterns.push({ regex: importOf(apart.rows, layer), message: apart.why, allowTypeImports: true });
  const isolated = layer !== 'cli';
  return {
    files: [`src/${layer}.ts`, `src/${layer}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': ['error', { patterns }],
      'no-restricted-globals': isolated ? ['error', ...NODE_GLOBALS] : 'off',
    },
  };
}

/**
 * Entry points of subpaths: `src/x/index.ts` exports names of any row, since nothing in `src/` imports it. What the other
 * files of its folder may import stays as it is.
 */
const ENTRY_POINTS = {
  files: ['src/*/index.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      { patterns: [{ regex: '^(?!\\.{1,2}/)', message: 'An entry point exports what is in src/.' }] },
    ],
  },
};

/** The solver is of use without any graph. */
const SOLVER_ENTRY_POINT = {
  files: ['src/solver/index.ts'],
  rules: {
    '@typescript-eslint/no-restricted-imports': [
      'error',
      {
        patterns: [
          {
            regex: '^(?!\\./|\\.\\./(errors\\.js$|problem/|verify/placement\\.js$))',
            message: 'tensor-arena/solver has nothing of graphs.',
          },
        ],
      },
    ],
  },
};

/** What the web page may not import: anything but its own files and the entry points of the package. */
const PUBLIC_NAMES = {
  regex: '^(?!\\.{1,2}/|tensor-arena(/(device|gguf|map|models|viewer))?$)|/src/',
  message: 'web/ imports its own files and public names of tensor-arena.',
};

/** Only types and constants, so that all planning stays in the worker. */
const PLANNING = {
  regex: '^tensor-arena(/(gguf|map|models))?$|/worker/',
  allowTypeImports: true,
  allowImportNamePattern: '^[A-Z_]+$',
  message: 'Planning belongs into web/worker/.',
};

export default defineConfig(
  globalIgnores(['**/dist', 'coverage', 'test/packed', 'docs/api', 'test/.examples', '**/*.generated.ts']),
  js.configs.recommended,
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  { rules: { eqeqeq: 'error', 'object-shorthand': 'error', 'no-console': 'error' } },
  { files: ['.ci/*.mjs'], languageOptions: { globals: { process: 'readonly', console: 'readonly', URL: 'readonly' } } },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ['src/**/*.ts'],
    rules: {
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 70],
      'no-bitwise': 'error',
    },
  },
  LAYERS.map(layerRules),
  ENTRY_POINTS,
  SOLVER_ENTRY_POINT,
  {
    files: ['web/**/*.ts'],
    ignores: ['web/vite.config.ts'],
    rules: {
      'max-lines': ['error', 300],
      'max-lines-per-function': ['error', 70],
      'no-restricted-globals': ['error', ...NODE_GLOBALS],
      '@typescript-eslint/no-restricted-imports': ['error', { patterns: [PUBLIC_NAMES] }],
    },
  },
  {
    files: ['web/*.ts', 'web/page/**/*.ts'],
    ignores: ['web/vite.config.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns: [PUBLIC_NAMES, PLANNING] }] },
  },
  {
    files: ['.ci/*.mjs', 'test/**/*.ts', 'benchmarks/**/*.ts', 'examples/**/*.ts', 'src/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
);
