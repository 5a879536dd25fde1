/**
 * `node benchmarks/bundled.mjs NAME [ARGUMENT…]`: runs a benchmark the way users run the library, as plain JavaScript.
 * A loader that compiles while it imports wraps every closure, which makes graphs slower by up to a third.
 *
 * Invariant: the bundle lies two folders below the project, as its sources do, so that their paths hold.
 */
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath, URL } from 'node:url';
import { buildSync } from 'esbuild';

const [name, ...rest] = process.argv.slice(2);
const project = new URL('../', import.meta.url);
const outfile = fileURLToPath(new URL(`node_modules/.benchmarks/${name}.mjs`, project));
buildSync({
  entryPoints: [fileURLToPath(new URL(`benchmarks/${name}.ts`, project))],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
});
process.exitCode = spawnSync(process.execPath, [outfile, ...rest], { stdio: 'inherit' }).status ?? 1;
