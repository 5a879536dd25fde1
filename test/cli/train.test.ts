/** `tensor-arena train`. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { measureTraining, builtInModel } from '../../src/training/index.js';
import { cli, scratchFolder } from '../support/cli.js';
import { describeShared, projectPath, sharedPath } from '../support/shared.js';

const { write } = scratchFolder();
const TINY = {
  model_type: 'gpt2',
  vocab_size: 512,
  n_embd: 64,
  n_layer: 4,
  n_head: 4,
  n_positions: 128,
};
const tiny = write('config.json', JSON.stringify(TINY));
const SHAPE = ['--batch', '2', '--seq', '64'];

interface Device {
  rank: number;
  stage: number;
  parameters: number;
  optimizerStates: number;
  steadyPeak: number;
  host: number;
}

interface Row extends Device {
  gradients: number;
  activations: number;
  firstPeak: number;
  atRest: number;
  reserved: number;
  phase: string;
  op: string;
  devices: Device[];
  formulas: Record<string, number>;
  fits: boolean | null;
}

async function json(...args: string[]): Promise<Row> {
  const { out, err } = await cli('train', ...args, '--json');
  expect(err).toBe('');
  return JSON.parse(out) as Row;
}

describe('train', () => {
  it('says as JSON what one GPU takes', async () => {
    const row = await json('opt-125m', '--batch', '2', '--seq', '128');
    const measured = measureTraining(builtInModel('opt-125m'), { batch: 2, sequence: 128 });
    const { parameters, gradients, optimizerStates, activations, firstPeak, steadyPeak, atRest } = measured;
    const { phase, op } = measured.steady;
    const same = { parameters, gradients, optimizerStates, activations, firstPeak, steadyPeak, atRest, phase, op };
    expect(row).toMatchObject({ ...same, fits: null });
    expect(row.reserved).toBeGreaterThanOrEqual(steadyPeak);
    expect(row.devices).toHaveLength(1);
    expect(Object.keys(row.formulas)).toEqual([
      'ruleOfThumb',
      'deepspeedZero2',
      'deepspeedZero3',
      'megatron',
      'llmem',
      'dnnmem',
    ]);
    for (const bytes of Object.values(row.formulas)) expect(Number.isSafeInteger(bytes)).toBe(true);
  });

  it('says as text where the peak is, and what formulas say', async () => {
    const { code, out, err } = await cli('train', tiny, ...SHAPE);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^gpt2: 241,024 parameters, all trained; fp32, adamw, 2 sequences of 64 tokens\n/);
    expect(out).toMatch(/^peak of later steps .* in the \w+ phase, at aten\.\S+$/m);
    expect(out).toMatch(/^The peak is \d+ % .*\.$/m);
    expect(out).toMatch(/^rule of thumb .* % (below|above) the plan$/m);
  });

  it('exits with 1 where training does not fit, and with 0 where it does', async () => {
    const row = await json(tiny, ...SHAPE);
    const most = Math.ceil(0.62 * 1024 ** 3) + 8519680;
    const enough = await cli('train', tiny, ...SHAPE, '--memory', `${row.reserved + most}B`);
    expect(enough).toMatchObject({ code: 0, err: '' });
    expect(enough.out).toContain('It fits into ');
    const short = await cli('train', tiny, ...SHAPE, '--memory', `${most + row.steadyPeak - 4096}B`);
    expect(short).toMatchObject({ code: 1, err: '' });
    expect(short.out).toMatch(/It does not fit into .* are asked for when .* are in use\./);
    expect((await json(tiny, ...SHAPE, '--memory', '1GiB')).fits).toBe(true);
  });

  it('spreads training over GPUs', async () => {
    const alone = await json(tiny, ...SHAPE);
    const fsdp = await json(tiny, ...SHAPE, '--gpus', '4', '--strategy', 'fsdp');
    expect(fsdp.devices.map(({ rank }) => rank)).toEqual([0, 1, 2, 3]);
    expect(fsdp.parameters).toBe(alone.parameters / 4);
    const tp = await json(tiny, ...SHAPE, '--gpus', '4', '--strategy', 'tp');
    expect(tp.parameters).toBeLessThan(alone.parameters / 2);
    const pp = await json(tiny, ...SHAPE, '--gpus', '4', '--strategy', 'pp');
    expect(pp.devices.map(({ stage }) => stage)).toEqual([0, 1, 2, 3]);
    const host = await json(tiny, ...SHAPE, '--offload', 'optimizer,activations');
    expect(host.optimizerStates).toBe(0);
    expect(host.devices[0].host).toBeGreaterThan(alone.optimizerStates);
    expect(host.steadyPeak).toBeLessThan(alone.steadyPeak);
  });

  it('trains adapters of a rank on some layers', async () => {
    const few = await json('opt-125m', '--method', 'lora', '--rank', '4', '--targets', 'q,v', '--seq', '64');
    // 12 blocks × 2 layers × rank 4 × (768 + 768) in fp32, with two states each and a counter for each matrix
    const bytes = 12 * 2 * 4 * (768 + 768) * 4;
    expect(few).toMatchObject({ gradients: bytes, optimizerStates: 2 * bytes + 12 * 2 * 2 * 4 });
  });

  it('reads the header of a GGUF', async () => {
    const { parameters } = await json(projectPath('examples/phi-3-mini-4k.gguf'), '--precision', 'bf16', '--seq', '16');
    expect(parameters).toBe(2 * 3821079552); // the parameters that its model card says
  });

  it.each([
    [
      '3 GPUs for a layer on 4',
      ['opt-125m', '--gpus', '3', '--tp', '4'],
      /^error: --gpus is 3, but GPUs cannot be divided into groups of 4, for which --tp asks\./,
    ],
    [
      '12 heads on 8 GPUs',
      ['opt-125m', '--tp', '8'],
      /^error: --tp is 8, but the 12 heads of opt-125m cannot be divided by it\./,
    ],
    [
      'an unknown optimiser',
      ['opt-125m', '--optimizer', 'adamx'],
      /^error: --optimizer is "adamx", but must be one of /,
    ],
    ['an unknown strategy', ['opt-125m', '--strategy', 'magic'], /^error: option '--strategy/],
    ['an unknown offload', ['opt-125m', '--offload', 'disk'], /^error: --offload is "disk", but must be /],
    ['an unknown option', ['opt-125m', '--rnak', '4'], /^error: unknown option '--rnak'/],
    ['an unknown name', ['opt-126m'], /^error: There is no built-in model "opt-126m", but there is /],
    ['a file that is not there', ['missing.json'], /^error: missing\.json: there is no such file/],
    [
      'a pipeline with split gradients',
      ['opt-125m', '--gpus', '4', '--pp', '2', '--strategy', 'fsdp', '--batch', '2'],
      /^error: \S+ is fsdp, but a pipeline keeps/,
    ],
  ])('refuses %s in one sentence', async (_, args, message) => {
    const { code, out, err } = await cli('train', ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err.trimEnd()).not.toContain('\n');
  });

  it('names the field that a configuration lacks', async () => {
    const rest = Object.fromEntries(Object.entries(TINY).filter(([field]) => field !== 'n_layer'));
    const { code, err } = await cli('train', write('short.json', JSON.stringify(rest)));
    expect(code).toBe(2);
    expect(err).toMatch(/^error: .*short\.json: .*`n_layer`/);
  });
});

describeShared('train with recorded cases', () => {
  it.each(['small-gpt-adamw-eager', 'small-gpt-sgdm-eager-ckpt', 'opt-125m-b2-s256-fp32-sgdm'])('%s', async (name) => {
    const file = sharedPath('training', 'torch', `${name}.json`);
    const { bytes } = JSON.parse(readFileSync(file, 'utf8')) as { bytes: Record<string, number> };
    const { firstPeak, steadyPeak, atRest, gradients, optimizerStates } = bytes;
    expect(await json(file)).toMatchObject({ firstPeak, steadyPeak, atRest, gradients, optimizerStates });
  });

  it('lets flags win over the run of the file', async () => {
    const file = sharedPath('training', 'torch', 'small-gpt-adamw-eager.json');
    expect((await json(file, '--optimizer', 'sgd')).optimizerStates).toBe(0);
  });
});
