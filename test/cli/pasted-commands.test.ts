/** Command lines of llama.cpp's programs behind `--`: each is measured as that program runs it. */
import { describe, expect, it } from 'vitest';
import { LLAMA_PROGRAM_NAMES } from '../../src/cli/llama-programs.js';
import { cli } from '../support/cli.js';
import { projectPath } from '../support/shared.js';

const LLAMA = projectPath('examples/llama-3.1-8b.gguf');
const GPU = ['--gpu', 'cuda:24GiB', '--gpu', 'cuda:24GiB'];

const words = (text: string): string[] => text.split(' ').filter(Boolean);

async function pasted(line: string): Promise<{ json: unknown; notes: string[] }> {
  const { code, out, err } = await cli('measure', '--json', ...GPU, '--', ...words(line));
  expect({ code, err: err.replace(/^note: .*\n/gm, '') }).toEqual({ code: 0, err: '' });
  return { json: JSON.parse(out), notes: err.trimEnd().split('\n').filter(Boolean) };
}

/** With what llama.cpp's programs do by themselves, but for llama-bench. */
async function plain(line: string): Promise<unknown> {
  const fitting = line.includes('--program bench') ? [] : ['-fit', 'on'];
  const { out } = await cli('measure', '--json', LLAMA, ...GPU, ...fitting, ...words(line));
  return JSON.parse(out);
}

describe('a command line behind --', () => {
  it('is honoured where it matters, and every other word is named', async () => {
    const line = `/opt/llama/bin/llama-server -m ${LLAMA} -ngl 20 -c 32768 --jinja -t 8 -ts 3,1 --mmproj-url p.gguf`;
    const { json, notes } = await pasted(`${line} --brand-new on --also_new -1 -fa`);
    expect(json).toEqual(await plain('-ngl 20 -c 32768 -ts 3,1 -fa on'));
    expect(notes).toEqual([
      'note: -fa without a value is taken as -fa on, as llama.cpp once did',
      'note: --jinja, -t make no difference here',
      'note: --mmproj-url is not modelled (the projector of images and sound)',
      'note: --brand-new, --also-new are not known here, and left out',
    ]);
  });

  it.each([
    ['llama-server', '-c 8192', '--program server -c 8192'],
    ['llama-cli', '-c 8192 -cnv', '--program cli -c 8192'],
    ['llama-completion', '-c 8192', '--program library -c 8192'],
    ['llama-bench', '', '--program bench -c 512'],
    ['llama-perplexity', '', '--program library -c 2048 -b 2048 -np 4'],
  ])('%s %s is %s', async (program, flags, same) => {
    const { json } = await pasted(`${program} -m ${LLAMA} ${flags}`);
    expect(json).toEqual(await plain(same));
  });

  it.each(['CUDA_VISIBLE_DEVICES=0', 'sudo', 'env LLAMA_ARG_THREADS=4 numactl -N 0'])(
    'may have what a shell reads first, which is named: %s',
    async (wrapper) => {
      const { json, notes } = await pasted(`${wrapper} ./llama-server -m ${LLAMA} -c 8192`);
      expect(json).toEqual(await plain('-c 8192'));
      const verb = wrapper.includes(' ') ? 'are' : 'is';
      expect(notes).toEqual([`note: ${wrapper} before llama-server ${verb} left out`]);
    },
  );

  it.each(['docker run llama.cpp:server -m', 'llamafile --model', '-m'])(
    'of no program is an error: %s',
    async (line) => {
      const { code, out, err } = await cli('measure', '--', ...words(line), LLAMA, '-c', '8192');
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toMatch(
        /^error: the command line behind -- has no program of llama\.cpp: begin it with one of llama-server, .*\n$/,
      );
    },
  );

  it('is none if only files follow', async () => {
    const { code, out } = await cli('measure', '-c', '1024', '--', LLAMA);
    expect([code, out]).toEqual([0, (await cli('measure', '-c', '1024', LLAMA)).out]);
  });

  it('of every program is read', () => {
    expect(LLAMA_PROGRAM_NAMES).toEqual([
      'llama-server',
      'llama-cli',
      'llama-completion',
      'llama-bench',
      'llama-perplexity',
    ]);
  });

  it.each([
    ['-p 0 -n 256', '-c 256'],
    ['-p 1024,4096 -d 2048', '-c 6144'],
    ['-fa 0 -ctk f16 -b 1024 -ub 256', '-c 512 -fa off -b 1024 -ub 256'],
    ['-nkvo 1 -ngl 20', '-c 512 -nkvo -ngl 20'],
    ['-nkvo 0 -ngl 20', '-c 512 -ngl 20'],
    ['-nopo 1 -ngl 20', '-c 512 --no-op-offload -ngl 20'],
    ['-mmp 0 -ngl 20', '-c 512 --no-mmap -ngl 20'],
    ['-mmp 1 -dio 0', '-c 512 --mmap'],
    ['--no_host 1 -mmp 0 -ngl 20', '-c 512 --no-host --no-mmap -ngl 20'],
    ['-ts 3/1', '-c 512 -ts 3,1'],
    ['-ot ffn_up=CPU;ffn_down=CUDA0', '-c 512 -ot ffn_up=CPU,ffn_down=CUDA0'],
    ['-sm none -mg 1', '-c 512 -sm none -mg 1'],
    ['-o md -oe csv -r 3 --delay 1 --progress -t 8 -v', '-c 512'],
  ])('of llama-bench has its own values: %s', async (flags, same) => {
    const { json } = await pasted(`llama-bench -m ${LLAMA} ${flags}`);
    expect(json).toEqual(await plain(`--program bench ${same}`));
  });

  it.each([
    ['-c 1024', '-c 2048 -b 2048 -np 2'],
    ['-c 4096 -np 3', '-c 4096 -b 2048 -np 1'],
    ['-c 512 -b 512', '-c 512 -b 512 -np 1'],
    ['-c 512 --hellaswag -np 2', '-c 512 -b 512 -np 4'],
    ['-c 512 --kl-divergence -np 2', '-c 512 -b 512 -np 1'],
    ['-f wiki.test.raw --chunks 4 --ppl-output-type 1', '-c 2048 -b 2048 -np 4'],
  ])('of llama-perplexity fills its batch: %s', async (flags, same) => {
    const { json, notes } = await pasted(`llama-perplexity -m ${LLAMA} ${flags}`);
    expect(json).toEqual(await plain(`--program library ${same}`));
    expect(notes[0]).toBe(`note: llama-perplexity computes with ${same}`);
  });

  it.each([
    ['llama-server', '', '-fit on'],
    ['llama-server', '-ngl 99', '-fit on -ngl 99'],
    ['llama-cli', '-fitt 512 --fit-ctx 8192', '--program cli -fit on -fitt 512 -fitc 8192'],
    ['llama-server', '-fit off -c 4096', '-c 4096'],
    ['llama-server', '--fit 0 -c 4096 -fitt 2048', '-c 4096'],
    ['llama-bench', '-fitt 4096 -p 65536 -ngl 5 -ts 1', '--program bench -c 65536 -fit on -fitt 4096'],
    ['llama-bench', '-fitt 0 -ngl 5', '--program bench -c 512 -ngl 5'],
  ])('%s %s fits the model as llama.cpp does, if at all: %s', async (program, flags, same) => {
    const gpu = ['--gpu', 'cuda:6GiB'];
    const { out } = await cli('measure', '--json', ...gpu, '--', program, '-m', LLAMA, ...words(flags));
    const { out: asFlags } = await cli('measure', '--json', LLAMA, ...gpu, ...words(same));
    expect(JSON.parse(out)).toEqual(JSON.parse(asFlags));
    const { out: asGiven } = await cli(
      'measure',
      '--json',
      LLAMA,
      ...gpu,
      ...words(flags).filter((word) => word === '-c'),
    );
    if (same.includes('-fit on')) expect(JSON.parse(out)).not.toEqual(JSON.parse(asGiven));
  });

  it('says what llama.cpp chooses by itself', async () => {
    const report = async (...flags: string[]): Promise<string> =>
      (await cli('measure', '--gpu', 'cuda:6GiB', '--', 'llama-server', '-m', LLAMA, ...flags)).out;
    expect(await report()).toMatch(/^llama\.cpp itself chooses -c \d+ .*\(-fit on, its default\)\.$/m);
    expect(await report('-ngl', '30', '-c', '32768')).toMatch(/^llama\.cpp itself chooses no layers: -ngl is 30\.$/m);
    expect(await report('-c', '1024')).toContain('llama.cpp itself changes nothing: enough stays free');
    expect(await report('-c', '1024', '-fit', 'off')).not.toContain('llama.cpp itself');
  });

  it('gives way to the flags before it', async () => {
    const { out } = await cli(
      'measure',
      '--json',
      ...GPU,
      '-c',
      '1024',
      '--',
      'llama-server.exe',
      '-m',
      LLAMA,
      '-c',
      '9',
    );
    expect(JSON.parse(out)).toEqual(await plain('-c 1024'));
  });

  it('may follow every command that is for models', async () => {
    const { code, out } = await cli('fit', '--memory', '8GiB', '--', 'llama-cli', '-m', LLAMA, '-c', '4096');
    expect(code).toBe(0);
    expect(out).toContain('4,096 tokens of context fit');
  });

  it.each([
    [
      `llama-bench -m ${LLAMA} -ngl 10,20`,
      'llama-bench runs once for each value of -ngl 10,20, but one run is measured',
    ],
    [`llama-bench -m ${LLAMA} -ub 128-512*2`, 'llama-bench runs once for each value of -ub 128-512*2'],
    [`llama-perplexity -m ${LLAMA} -c 0`, 'llama-perplexity refuses -c 0'],
    ['llama-server -c 4096', "missing required argument 'FILE'"],
    [`llama-server -m ${LLAMA} -ngl many`, 'It must be an integer'],
  ])('%s is misuse', async (line, message) => {
    const { code, out, err } = await cli('measure', '--', ...words(line));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});
