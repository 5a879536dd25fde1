/** `tensor-arena measure --gpu`: a model on several devices, for people and for programs. */
import { describe, expect, it } from 'vitest';
import { OFFLOAD_FLAGS } from '../../src/cli/device-flags.js';
import { namesOf } from '../../src/cli/flag.js';
import { MODEL_FLAGS, PLAN_FLAGS } from '../../src/cli/flags.js';
import { listDeviceCases, readDeviceCase, type DeviceCase } from '../support/device-cases.js';
import { cli, FIVE_BUFFERS, scratchFolder } from '../support/cli.js';
import { describeShared, partOf, projectPath, sharedPath } from '../support/shared.js';

const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');
const LLAMA = projectPath('examples/llama-3.1-8b.gguf');
const { write } = scratchFolder();

interface Machine {
  file: string;
  weights: number;
  context: number;
  compute: number;
  output: number;
  total: number;
  devices: {
    name: string;
    weights: number;
    context: number;
    compute: number;
    output: number;
    total: number;
    memory: number | null;
    free: number | null;
    fits: boolean;
  }[];
  buffers: { device: string; type: string; purpose: string; bytes: number }[];
  splits: { pp: number; tg: number };
  nodes: { pp: number; tg: number };
  copies: number;
  layers: string[];
}

/** What is printed of one model; the exit code is 1 if it does not fit. */
async function machine(...args: string[]): Promise<Machine> {
  const { code, out, err } = await cli('measure', '--json', ...args);
  const [measured] = JSON.parse(out) as Machine[];
  const fits = measured.devices.every((device) => device.fits);
  expect({ code, isQuiet: err === '' }).toEqual({ code: fits ? 0 : 1, isQuiet: fits });
  return measured;
}

/** The flags of llama.cpp that a case was recorded with, and its machine. */
function argumentsOf({ meta }: DeviceCase): string[] {
  const devices = meta.devices.flatMap(({ total, free }) => ['--gpu', `${meta.profile}:${total}B/${free}B`]);
  const args = meta.args.map((arg) => (arg === '--n-outputs-max' ? '--outputs' : arg));
  return [sharedPath('gguf', meta.model), '--program', 'library', ...devices, ...args];
}

/** The command line has the CPU that is likely beside its devices; a machine has a device. */
const onOurCpu = (name: string): boolean => {
  const { meta } = readDeviceCase(name);
  const likely = meta.profile === 'metal' ? 'arm-i8mm' : 'avx2';
  return meta.devices.length > 0 && (meta.cpu ?? likely) === likely;
};

/** A device without any work has a row of zeros in llama.cpp’s table. */
function recordedBuffers({ breakdown }: DeviceCase): unknown[] {
  return breakdown.flatMap(({ buft, model, context, compute }) =>
    model + context + compute === 0 ? [] : [{ buft, model, context, compute }],
  );
}

describeShared('measure --gpu --json is what llama.cpp reported', () => {
  it.each(partOf(listDeviceCases().filter(onOurCpu)))('%s', async (name) => {
    const recorded = readDeviceCase(name);
    const { buffers, devices, splits, copies, layers, ...measured } = await machine(...argumentsOf(recorded));
    const bytes = (type: string, purpose: string): number =>
      buffers.find((buffer) => buffer.type === type && buffer.purpose === purpose)?.bytes ?? 0;
    const types = [...new Set(buffers.filter(({ purpose }) => purpose !== 'output').map(({ type }) => type))].sort();
    expect(
      types.map((type) => ({
        buft: type,
        model: bytes(type, 'weights'),
        context: bytes(type, 'context'),
        compute: bytes(type, 'compute'),
      })),
    ).toEqual(recordedBuffers(recorded));
    expect(bytes(recorded.output.buft, 'output')).toBe(recorded.output.size);
    expect({ splits, copies, layers }).toEqual({
      splits: { pp: recorded.graphs.pp.nSplits, tg: recorded.graphs.tg.nSplits },
      copies: recorded.copies,
      layers: [...recorded.layers, recorded.outputLayer],
    });
    expect(measured.nodes).toEqual({ pp: recorded.graphs.pp.nNodes, tg: recorded.graphs.tg.nNodes });
    expect(devices.map(({ name: device }) => device)).toEqual(recorded.backends.map(({ name: backend }) => backend));
    for (const part of ['weights', 'context', 'compute', 'output', 'total'] as const) {
      expect(devices.reduce((sum, device) => sum + device[part], 0)).toBe(measured[part]);
    }
  });
});

describe('measure --gpu', () => {
  it('prints a row for each device, the buffers by type, and what is not counted', async () => {
    const gpus = ['--gpu', 'cuda:24GiB/23.5GiB', '--gpu', 'cuda:24GiB:8.9'];
    const { code, out, err } = await cli('measure', LLAMA, ...gpus, '-c', '4096', '-np', '1', '--program', 'library');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^llama, context 4096, ubatch 512, 1 sequence, flash attention on, cache f16\/f16\.$/m);
    expect(out).toMatch(/^device +weights +KV cache +compute +output +total +of free +fits$/m);
    expect(out).toMatch(
      /^CUDA0 +2\.20 GiB +272\.00 MiB +156\.04 MiB +0 B +2\.62 GiB +23\.50 GiB +yes, 20\.88 GiB left$/m,
    );
    expect(out).toMatch(/^CUDA1 .* 24\.00 GiB +yes/m);
    expect(out).toMatch(/^CPU +281\.81 MiB +0 B +32\.05 MiB +501\.00 KiB +314\.36 MiB$/m);
    expect(out).toMatch(/^CUDA_Host +compute +CPU +32\.05 MiB +33,611,776$/m);
    expect(out).toContain('\nLayers: CUDA0 0–16, CUDA1 17–31, output on CUDA1.\n');
    expect(out).toContain('\nGraph: 998 nodes in 3 splits, for a batch of the prompt and for one token alike.\n');
    expect(out).toContain('what crosses devices exists 4 times.\n');
    expect(out).toMatch(/^Not counted: .*driver.*cuBLAS.*other processes; on CUDA typically 200–700 MiB/m);
  });

  it('says on which device it does not fit, and by how much, and exits with 1', async () => {
    const [file, ...flags] = [LLAMA, '--gpu', 'cuda:4GiB', '-c', '32k'];
    const { code, out, err } = await cli('measure', file, ...flags);
    expect(code).toBe(1);
    expect(out).toMatch(/^CUDA0 .* 4\.00 GiB +no, 4\.68 GiB too much$/m);
    expect(err).toBe(
      `error: ${file}: does not fit: CUDA0 needs 8.68 GiB (9,318,697,344 bytes), which is 4.68 GiB (5,023,730,048 bytes) ` +
        'more than is free there (with all layers on devices: give fewer as -ngl, or -fit on)\n',
    );
    const { code: same, out: json } = await cli('measure', file, ...flags, '--json');
    expect(same).toBe(1);
    expect((JSON.parse(json) as Machine[])[0].devices.map(({ fits }) => fits)).toEqual([false, true]);
    expect((await cli('measure', file, ...flags, '-ngl', '8')).code).toBe(0);
  });

  it('takes several files, of any kind', async () => {
    const problem = write('a.csv', FIVE_BUFFERS);
    const { code, out } = await cli('measure', problem, PHI3, LLAMA, '--gpu', 'metal:64GiB');
    expect(code).toBe(0);
    expect(out.match(/^MTL0 .* yes, /gm)).toHaveLength(2);
    expect(out).toMatch(/^file +buffers/m);
    const { out: json } = await cli('measure', problem, PHI3, '--json', '--gpu', 'metal:64GiB');
    expect(JSON.parse(json)).toMatchObject([
      { file: problem, bufferSize: 12 },
      { file: PHI3, copies: 1 },
    ]);
  });

  it.each([
    ['-ngl', '--gpu-layers', '20'],
    ['-ngl', '--n-gpu-layers', '20'],
    ['-sm', '--split-mode', 'none'],
    ['-ts', '--tensor-split', '3,1'],
    ['-ot', '--override-tensor', 'ffn_up=CPU'],
    ['-ncmoe', '--n-cpu-moe', '4'],
    ['-lm', '--load-mode', 'none'],
  ])('has %s for %s', async (short, long, value) => {
    const gpus = [PHI3, '--gpu', 'cuda:24GiB', '--gpu', 'cuda:24GiB', '-c', '4096'];
    const plain = await machine(...gpus);
    const byShort = await machine(...gpus, short, value);
    expect(await machine(...gpus, `${long}=${value}`)).toEqual(byShort);
    if (long !== '--n-cpu-moe') expect(byShort).not.toEqual(plain);
  });

  it('has switches that turn off and on', async () => {
    const gpus = [PHI3, '--gpu', 'cuda:24GiB', '-c', '4096', '-ngl', '10', '--no-host'];
    const plain = await machine(...gpus);
    const switches = [
      ['-nkvo', '-kvo'],
      ['--no-kv-offload', '--kv-offload'],
      ['--no-op-offload', '--op-offload'],
      ['-nr', '--repack'],
      ['--no-repack', '--repack'],
      ['--no-mmap', '--mmap'],
      ['--mlock', '--mmap'],
      ['--direct-io', '--mmap'],
    ];
    for (const [off, on] of switches) {
      expect(await machine(...gpus, off), off).not.toEqual(plain);
      expect(await machine(...gpus, off, on), on).toEqual(plain);
    }
    expect(await machine(...gpus.slice(0, -1), '--no-mmap')).not.toEqual(await machine(...gpus, '--no-mmap'));
  });

  it('adds to one list of overrides in their order', async () => {
    const gpus = [PHI3, '--gpu', 'cuda:24GiB', '-c', '4096', '-ngl', '10'];
    const apart = await machine(...gpus, '-ot', 'ffn_up=CPU', '-ot', 'ffn_=CUDA0');
    expect(await machine(...gpus, '-ot', 'ffn_up=CPU,ffn_=CUDA0')).toEqual(apart);
    expect(await machine(...gpus, '-ot', 'ffn_=CUDA0,ffn_up=CPU')).not.toEqual(apart);
  });

  it('says what has no effect', async () => {
    const notes = async (...args: string[]): Promise<string> => (await cli('measure', PHI3, ...args)).err;
    expect(await notes('-ngl', '99', '--no-mmap')).toBe(
      'note: no GPU was given, so what is said of layers and weights on devices has no effect: ' +
        'add --gpu cuda:24GiB, with the memory that the device has\n',
    );
    expect(await notes('--gpu', 'cuda:24GiB', '--phase', 'tg', '--allocator', 'auto')).toBe(
      'note: --allocator, --phase have no effect on models with --gpu: both phases are planned as llama.cpp does\n',
    );
    expect(await notes('--gpu', 'cuda:24GiB', '--timeline')).toMatch(/^note: --timeline has no effect on models/);
    expect((await cli('measure', write('b.csv', FIVE_BUFFERS), '--gpu', 'cuda:24GiB')).err).toBe(
      'note: --gpu has no effect: it is for .gguf files only\n',
    );
    expect((await cli('plan', PHI3, '-ngl', '99', '-o', write('p.json', ''))).err).toContain('-ngl is not modelled');
  });

  it.each([
    [['--gpu', 'cuda'], 'The device "cuda" has no memory'],
    [['--gpu', 'cuda:1B'], 'no room for a single tensor'],
    [['--gpu', 'cuda:1GiB/2GiB'], 'all that it has'],
    [['--gpu', 'coda:1GiB'], 'names the profile "coda", which there is not, but there is cuda'],
    [['--gpu', 'cuda:24GiB:8.8'], 'compute capability of CUDA0 is 8.8'],
    [['--gpu', 'metal:24GiB:8.9'], 'has "8.9" behind its memory'],
    [['--gpu', 'cuda:24GiB', '-ts', '0,0'], '--tensor-split'],
    [['--gpu', 'cuda:24GiB', '-ts', 'a'], 'list of numbers'],
    [['--gpu', 'cuda:24GiB', '-sm', 'row'], 'The option --split-mode is row, but CUDA0 cannot'],
    [['--gpu', 'cuda:24GiB', '-sm', 'tensor'], '--split-mode is tensor'],
    [['--gpu', 'cuda:24GiB', '-sm', 'rows'], '--split-mode'],
    [['--gpu', 'cuda:24GiB', '-sm', 'none', '-mg', '1'], '--main-gpu'],
    [['--gpu', 'cuda:24GiB', '-ngl', 'most'], 'It must be an integer'],
    [['--gpu', 'cuda:24GiB', '-ot', 'ffn'], 'such as ffn_.*_exps=CPU'],
    [['--gpu', 'cuda:24GiB', '-ot', 'ffn=CUDA1'], 'have CUDA0, CPU'],
    [['--gpu', 'cuda:24GiB', '-ot', '(=CPU'], 'no regular expression'],
    [['--gpu', 'cuda:24GiB', '-ncmoe', '-1'], 'at least 0'],
    [['--gpu', 'cuda:24GiB', '-lm', 'swap'], 'one of auto, none, mmap'],
    [['--gpu', 'cuda:24GiB', '-ctv', 'q8_0', '-fa', 'off'], 'quantised V cache needs flash attention'],
  ])('%j is bad input', async (args, message) => {
    const { code, out, err } = await cli('measure', PHI3, ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err.trimEnd().split('\n').at(-1)).toMatch(/^error: /);
    expect(err).toContain(message);
  });

  it('has names of its own for every flag of devices', () => {
    const names = OFFLOAD_FLAGS.flatMap(namesOf);
    expect(new Set(names).size).toBe(names.length);
    const others = [...MODEL_FLAGS, ...PLAN_FLAGS].flatMap(namesOf);
    expect(names.filter((name) => others.includes(name))).toEqual([]);
  });

  it('lists the flags in the help under a heading of their own', async () => {
    const { out } = await cli('measure', '--help');
    const [, group] = /^The machine .*:\n([^]*?)\n\n/m.exec(out) ?? [];
    for (const flag of OFFLOAD_FLAGS)
      expect(group).toContain(
        `  ${namesOf(flag)
          .slice(0, flag.short === undefined ? 1 : 2)
          .join(', ')}`,
      );
    expect(group).toMatch(/^ +--gpu <DEVICE> /m);
  });
});
