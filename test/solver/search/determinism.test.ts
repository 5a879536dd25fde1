/** The same input gives the same placement, however the engine runs it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

let folder: string;
let script: string;
let expected: string;

const run = (flags: readonly string[]): string =>
  execFileSync(process.execPath, [...flags, script], { encoding: 'utf8' });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'placement-hash-'));
  script = join(folder, 'placement-hash.mjs');
  const entry = fileURLToPath(new URL('../../support/placement-hash.ts', import.meta.url));
  buildSync({ entryPoints: [entry], outfile: script, bundle: true, platform: 'node', format: 'esm' });
  expected = run([]);
});

afterAll(() => rmSync(folder, { recursive: true }));

it.each(['--no-opt', '--jitless', '--always-sparkplug', '--random-seed=7'])(
  'is the same with %s',

  (flag) => {
    expect(expected).toMatch(/^[0-9a-f]{64}\n$/);
    expect(run([flag])).toBe(expected);
  },
);
