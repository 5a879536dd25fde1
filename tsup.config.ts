/**
 * The package's entry points, read from the one place that declares them: `exports` and `bin` of package.json.
 * `./dist/x/y.js` is built from `src/x/y.ts`.
 *
 * Both formats share code between entry points (`splitting`): a `PlannerError` from one subpath is the same class as
 * in every other. What the readers of files use of their packages is part of the library, so that nothing of Node, and nothing
 * that is not used, reaches a bundler.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { defineConfig, type Options } from 'tsup';
import { checkCommonJs } from './.ci/check-common-js.mjs';
import { keepClassNames } from './.ci/keep-class-names.mjs';
import { markPure } from './.ci/mark-pure.mjs';

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

interface Manifest {
  exports: Record<string, string | { import: { default: string } }>;
  bin: Record<string, string>;
}

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
const library = entries(
  Object.values(manifest.exports).flatMap((e) => (typeof e === 'string' ? [] : [e.import.default])),
);

const libraryBuild: Options = {
  target: 'node20',
  platform: 'neutral',
  format: ['esm', 'cjs'],
  entry: library,
  external: [/^node:/],
  splitting: true,
  // Rollup writes the CommonJS format; without this, tsup takes a tool that takes `#name` for an exported `name`.
  treeshake: true,
  sourcemap: true,
  esbuildPlugins: [preparedSources(), ...bundling('dist/LICENSES.txt')],
  onSuccess: requireSoundCommonJs,
  // tsup itself sets `baseUrl`, which TypeScript 6 reports as deprecated.
  dts: { entry: library, compilerOptions: { ignoreDeprecations: '6.0' } },
};

/**
 * The command brings its packages along, cut down to what it uses, in one CommonJS file: of all ways to load it, this
 * takes the least time.
 */
const command: Options = {
  target: 'node20',
  platform: 'node',
  format: 'cjs',
  outDir: 'dist/cli',
  entry: { ...entries(Object.values(manifest.bin), 'dist/cli/'), 'progress-bar': 'src/cli/progress-bar.ts' },
  splitting: false,
  shims: true, // import.meta.url
  noExternal: [/^[^.]/],
  // Node reads all of it at every start.
  esbuildOptions: (options) => {
    options.minifyWhitespace = true;
  },
  esbuildPlugins: bundling('dist/cli/LICENSES.txt'),
};

export default defineConfig([libraryBuild, command]);

/** `./dist/gguf/index.js` becomes `{ 'gguf/index': 'src/gguf/index.ts' }`; names are relative to `folder`. */
function entries(outputs: string[], folder = 'dist/'): Record<string, string> {
  return Object.fromEntries(
    outputs
      .map((output) => output.replace(/^\.\//, '').replace(/\.c?js$/, ''))
      .map((output) => [output.slice(folder.length), output.replace(/^dist/, 'src') + '.ts']),
  );
}

/** How packages become part of an output whose licences `licences` lists. */
function bundling(licences: string): Plugin[] {
  return [readerWithoutFiles(), dropUnusedModules('@huggingface/tasks'), bundledLicences(licences)];
}

/** The GGUF reader's package without its own way to read files, which needs Node: `src/gguf` hands it bytes. */
function readerWithoutFiles(): Plugin {
  return {
    name: 'reader-without-files',
    setup(build) {
      build.onLoad({ filter: /[\\/]@huggingface[\\/]gguf[\\/]dist[\\/].*\.m?js$/ }, ({ path }) => ({
        contents: readFileSync(path, 'utf8').replace(/\bawait import\("\.\/FileBlob[^"]*"\)/g, '{}'),
      }));
    },
  };
}

/** Fails the build if any file of it assigns to exports where no program does. */
function requireSoundCommonJs(): Promise<void> {
  const files = readdirSync('dist', { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.cjs') && !file.startsWith('cli'),
  );
  const faults = files.flatMap((file) => checkCommonJs(readFileSync(`dist/${file}`, 'utf8'), file));
  if (files.length === 0 || faults.length > 0) throw new Error(['CommonJS output is not sound:', ...faults].join('\n'));
  return Promise.resolve();
}

/** Lets a user's bundler leave out what is not imported, down to single tables, and classes keep their names. */
function preparedSources(): Plugin {
  return {
    name: 'prepared-sources',
    setup(build) {
      build.onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) =>
        path.includes('node_modules')
          ? undefined
          : { contents: markPure(keepClassNames(readFileSync(path, 'utf8'))), loader: 'ts' },
      );
    },
  };
}

/** Leaves out those modules of a package that are not used, which the package itself could declare as safe. */
function dropUnusedModules(name: string): Plugin {
  const seen = { resolved: true };
  return {
    name: 'drop-unused-modules',
    setup(build) {
      build.onResolve({ filter: /^[.@]/ }, async ({ path, pluginData, ...from }) => {
        const isInside = path === name || from.importer.includes(`/node_modules/${name}/`);
        if (pluginData === seen || !isInside) return undefined;
        return { ...(await build.resolve(path, { ...from, pluginData: seen })), sideEffects: false };
      });
    },
  };
}

/** Writes down the licences of all packages of which some code went into the bundle. */
function bundledLicences(output: string): Plugin {
  return {
    name: 'bundled-licences',
    setup(build) {
      build.initialOptions.metafile = true;
      build.onEnd(({ metafile }) => {
        const used = Object.values(metafile?.outputs ?? {}).flatMap(({ inputs }) =>
          Object.entries(inputs).flatMap(([input, { bytesInOutput }]) => (bytesInOutput > 0 ? [input] : [])),
        );
        const folders = used.flatMap((input) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input)?.[0] ?? []);
        const texts = [...new Set(folders)].sort().map(licenceOf);
        mkdirSync(dirname(output), { recursive: true });
        writeFileSync(output, texts.join('\n'));
      });
    },
  };
}

function licenceOf(folder: string): string {
  const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Record<string, string>;
  const own = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  // Of a package that only states its licence, the text is kept here.
  const file = own === undefined ? `.ci/licences/${name.replace('/', '+')}.txt` : `${folder}/${own}`;
  if (!existsSync(file)) throw new Error(`${folder} has no licence file, so it cannot be bundled.`);
  return `${name} ${version}\n\n${readFileSync(file, 'utf8').trim()}\n`;
}
