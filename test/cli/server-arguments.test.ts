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
      'note: --mmproj is not counted without --gpu',
      'note: no GPU was given, so what is said of layers and weights on devices has no effect: add --gpu cuda:24GiB, with the memory that the device has',
    ]);
    expect(await measured('-m', PHI3, ...pasted.split(' '))).toEqual(await measured(PHI3, '-c', '8192'));
  });

  it('of llama-cli are whole names, not short ones with their values', async () => {
    const pasted = [
      '-c',
      '1k',
      '-cnv',
      '-co',
      '-p',
      'Hi there',
      '-st',
      '-no-cnv',
      '-sys',
      'Be brief',
      '-i',
      '-f',
      'x.txt',
    ];
    const { code, err } = await cli(
      'measure',
      'llama-cli',
      '-m',
      PHI3,
      ...pasted,
      '--color',
      '--prompt',
      '-x',
      '--image=a',
    );
    expect({ code, err }).toEqual({
      code: 0,
      err:
        'note: llama-cli is taken as --program cli\n' +
        'note: -cnv, -st, -no-cnv, -i, -co, --color, -p, -sys, -f, --prompt make no difference here\n' +
        'note: --image is not modelled (the projector of images and sound)\n',
    });
    for (const color of [['-co'], ['--color', 'auto'], ['-co', 'off'], ['--color=on']]) {
      expect(ownArguments(['measure', ...color, 'a.gguf', '-c', '4']).args).toEqual(['measure', 'a.gguf', '-c', '4']);
    }
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

  it('may follow the name of their program, which chooses --program', async () => {
    const pasted = async (...args: string[]): Promise<unknown> => measured(...args, '-m', PHI3, '-c', '1024');
    const { args: dropped } = ownArguments(['measure', './build/bin/llama-server', '-m', 'a.gguf']);
    expect(dropped).toEqual(['measure', 'a.gguf']);
    expect(ownArguments(['fit', 'C:\\bin\\llama-bench.exe', '-m', 'a.gguf']).args).toEqual([
      'fit',
      '--program',
      'bench',
      'a.gguf',
    ]);
    expect(ownArguments(['fit', 'llama-cli', '--program=server', 'a.gguf']).args).toEqual([
      'fit',
      '--program=server',
      'a.gguf',
    ]);
    expect(ownArguments(['fit', '--', 'llama-cli.gguf']).args).toEqual(['fit', '--', 'llama-cli.gguf']);
    expect(ownArguments(['fit', 'llama-completion']).args).toEqual(['fit', '--program', 'library']);
    const { code, err } = await cli('measure', 'llama-cli', '-m', PHI3);
    expect({ code, err }).toEqual({ code: 0, err: 'note: llama-cli is taken as --program cli\n' });
    expect(ownArguments(['measure']).args).toEqual(['measure']);
    expect(await pasted()).toMatchObject([{ program: 'server' }]);
  });

  it('-fa may stand without a value, as it once did', async () => {
    const on = await measured(PHI3, '-fa', 'on', '-ub', '64');
    for (const args of [
      [PHI3, '-fa', '-ub', '64'],
      [PHI3, '-ub', '64', '--flash_attn'],
      ['-fa', '-m', PHI3, '-ub', '64'],
    ]) {
      expect(await measured(...args)).toEqual(on);
      expect((await cli('measure', ...args)).err).toMatch(
        /^note: (-fa|--flash-attn) without a value is taken as .* on, /,
      );
    }
    expect(ownArguments(['map', '-fa', '-1', '-fa=', '--', '-fa']).args).toEqual([
      'map',
      '-fa',
      '-1',
      '-fa=',
      '--',
      '-fa',
    ]);
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
      ['--ctx_size', '512', '--ubatch_size=64'],
      ['-c', '512', '-ub', '64'],
    ],
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

describe('flags that decide one of ours', () => {
  const argsOf = (...args: string[]): string =>
    ownArguments(['measure', 'a.gguf', ...args])
      .args.slice(2)
      .join(' ');
  const notesOf = (...args: string[]): string => ownArguments(['measure', 'a.gguf', ...args]).notes.join('\n');

  it.each([
    [['-md', 'd.gguf', '--draft-max', '8'], '--outputs 36'],
    [['-md', 'd.gguf', '--spec-type', 'draft-simple'], '--outputs 16'],
    [['-md', 'd.gguf', '--draft', '8', '-np', '2'], '-np 2 --outputs 18'],
    [['-md', 'd.gguf', '--draft_max=8', '-np', '2', '-b', '16'], '-np 2 -b 16 --outputs 16'],
    [['--program', 'cli', '-md', 'd.gguf', '--draft-max', '5'], '--program cli --outputs 6'],
    [['-md', 'd.gguf', '--draft-max', '8', '--outputs', '3'], '--outputs 3'],
    [['--spec-type', 'draft-mtp'], '--outputs 16 --state-snapshots 3'],
    [['--spec-type', 'draft-mtp', '--state-snapshots', '2'], '--state-snapshots 2 --outputs 16'],
    [['--spec-type', 'draft-mtp', '--spec-type', 'ngram-mod'], '--outputs 16 --state-snapshots 3'],
    [['-md', 'd.gguf', '--spec-type', 'draft-eagle3', '--draft-max', '5'], '--outputs 24 --state-snapshots 5'],
    [['-md', 'd.gguf', '--spec-type=ngram-mod,draft-dflash', '--outputs', '7'], '--outputs 7 --state-snapshots 3'],
    [['--program', 'cli', '--spec-type', 'draft-dspark'], '--program cli --state-snapshots 3'],
    [['--spec-type', 'draft-simple'], ''],
    [['--draft-max', '8'], ''],
    [['-md', 'd.gguf'], ''],
    [['--program', 'bench', '-p', '4096', '-n', '64', '-ngl', '99'], '--program bench -c 4096'],
    [['--program', 'bench', '-p', '0', '-n', '64', '-d', '1024,8192'], '--program bench -c 8256'],
    [['--program', 'bench', '-p', '256', '-pg', '512,512', '-fa', '1'], '--program bench -fa 1 -c 1024'],
    [['--program', 'bench', '-p', '256', '-c', '512'], '--program bench -c 512'],
    [['--program', 'bench', '-ub', '256', '-ctk', 'q8_0'], '--program bench -ub 256 -ctk q8_0'],
    [['--program', 'bench', '-p', '1-9+2'], '--program bench'],
    [['-p', 'a prompt', '-n', '64'], ''],
    [['--reranking', '-c', '8192'], '--embeddings --pooling rank -c 8192'],
  ])('%j', (args, expected) => {
    expect(argsOf(...args)).toBe(expected);
  });

  it('are said in a note', () => {
    expect(notesOf('-md', 'd.gguf', '--draft-max', '8')).toBe(
      'drafts of 8 tokens are taken as --outputs 36\n-md is not modelled (a second model, or further tokens, for speculative decoding)',
    );
    expect(notesOf('--program', 'bench', '-n', '900')).toBe('the largest test of -n is taken as -c 900');
    expect(notesOf('--rerank')).toBe('--rerank is taken as --embeddings --pooling rank');
    expect(notesOf('--program', 'bench', '-p', '1-9+2')).toBe('-p could not be read: give the context as -c');
  });

  it('are read after the name of a program', () => {
    const { args } = ownArguments(['measure', 'llama-bench', '-m', 'a.gguf', '-p', '1024', '-ngl', '99']);
    expect(args).toEqual(['measure', '--program', 'bench', 'a.gguf', '-c', '1024']);
  });
});
