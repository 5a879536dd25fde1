/** Command lines of llama-server, pasted as they are. */
import { describe, expect, it } from 'vitest';
import { MODEL_FLAGS } from '../../src/cli/flags.js';
import { ownArguments } from '../../src/cli/server-arguments.js';
import { SERVER_FLAGS } from '../../src/cli/server-flags.js';
import { cli } from '../support/cli.js';
import { projectPath } from '../support/shared.js';

const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');
const measured = async (...args: string[]): Promise<unknown> =>
  JSON.parse((await cli('measure', '--json', ...args)).out);

describe('flags of llama-server', () => {
  it('are left out with what they take, and said', async () => {
    const pasted =
      '-c 8k -fa 1 -np -1 -ngl 99 --host 0.0.0.0 --port 8080 --temp 0.7 --n_gpu_layers=3 --mmproj x --jinja';
    const { code, err } = await cli('measure', '-m', PHI3, ...pasted.split(' '));
    expect(code).toBe(0);
    expect(err.trimEnd().split('\n')).toEqual([
      'note: --host, --port, --temp, --jinja make no difference here',
      'note: -ngl, --n-gpu-layers are not modelled (layers, tensors and caches on devices: the figures are those of the CPU backend)',
      'note: --mmproj is not modelled (the projector of images and sound)',
    ]);
    expect(await measured('-m', PHI3, ...pasted.split(' '))).toEqual(await measured(PHI3, '-c', '8192'));
  });

  it('stay what they are after --, and a range is two values', () => {
    expect(ownArguments(['map', '--control-vector-layer-range', '1', '2', '-c', '4', '--', '--jinja'])).toEqual({
      args: ['map', '-c', '4', '--', '--jinja'],
      notes: ['--control-vector-layer-range is not modelled (control vectors)'],
    });
    expect(ownArguments(['measure', '--model=a.gguf', '--model', 'b.gguf'])).toEqual({
      args: ['measure', 'a.gguf', 'b.gguf'],
      notes: [],
    });
  });

  it('are named once each, and none of them is one of ours', () => {
    const names = SERVER_FLAGS.flatMap((row) => row.names.split(/\s+/).filter(Boolean));
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThan(300);
    for (const name of names) expect(name).toMatch(/^--?[a-zA-Z]/);
    const own = MODEL_FLAGS.flatMap(({ short = '', long }) => [short, long]);
    expect(names.filter((name) => own.includes(name))).toEqual([]);
  });

  it.each([
    [
      ['-fa', '1'],
      ['-fa', 'on'],
    ],
    [
      ['-fa', 'enabled'],
      ['-fa', 'on'],
    ],
    [
      ['-fa', '0'],
      ['-fa', 'off'],
    ],
    [
      ['-fa', 'false'],
      ['-fa', 'off'],
    ],
    [
      ['-fa', '-1'],
      ['-fa', 'auto'],
    ],
    [['-np', '-1'], []],
    [
      ['-c', '2K', '-b', '1k', '-ub', '1k'],
      ['-c', '2048', '-b', '1024', '-ub', '1024'],
    ],
    [
      ['-np', '2', '-kvu', '-no-kvu'],
      ['-np', '2', '--no-kv-unified'],
    ],
  ])('%j is %j', async (pasted, plain) => {
    expect(await measured(PHI3, ...pasted)).toEqual(await measured(PHI3, ...plain));
  });
});
