/** `tensor-arena fit --gpu`: each way to run a model has a command, which measures as it was promised. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cli, cliOn } from '../support/cli.js';
import { describeShared, partOf, projectPath, sharedIsPresent, sharedPath } from '../support/shared.js';

const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');

interface Device {
  name: string;
  total: number;
  free: number | null;
  fits: boolean;
}

interface Fit {
  fits: boolean;
  layers: number;
  points: { gpuLayers: number; contextSize: number; devices: Device[]; command: string; words: string[] }[];
}

async function fitOf(...args: string[]): Promise<Fit> {
  const { code, out, err } = await cli('fit', '--json', ...args);
  const fit = JSON.parse(out) as Fit;
  expect({ code, err }).toEqual({ code: fit.fits ? 0 : 1, err: '' });
  return fit;
}

/** What `measure` says of a pasted command. */
async function measured(gpus: readonly string[], words: readonly string[]): Promise<Device[]> {
  const { code, out, err } = await cli('measure', '--json', ...gpus, '--', ...words);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return (JSON.parse(out) as { devices: Device[] }[])[0].devices;
}

const MACHINES = [['cuda:8GiB'], ['cuda:6GiB:8.9', 'cuda:3GiB/2.5GiB'], ['metal:8GiB'], ['vulkan:4GiB', 'vulkan:4GiB']];
const gpusOf = (machine: readonly string[]): string[] => machine.flatMap((device) => ['--gpu', device]);

describeShared('every command of fit, pasted into measure, takes the same bytes of each device', () => {
  const headers = sharedIsPresent
    ? readdirSync(sharedPath('gguf')).filter((name) => /phi|1b|mamba|gemma-2/.test(name))
    : [];
  const pairs = headers.flatMap((header) => MACHINES.map((machine) => [header, machine] as const));
  it.each(partOf(pairs))('%s on %j', async (header, machine) => {
    const gpus = gpusOf(machine);
    for (const flags of [[], ['-np', '2', '-nkvo', '--no-mmap', '--program', 'library']]) {
      const { points } = await fitOf(sharedPath('gguf', header), ...gpus, ...flags);
      for (const { devices, words } of points) expect(await measured(gpus, words)).toEqual(devices);
    }
  });
});

describe('fit --gpu', () => {
  const gpus = gpusOf(['cuda:4GiB']);

  it('prints a row and a command for each way', async () => {
    const { code, out, err } = await cli('fit', PHI3, ...gpus);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { points } = await fitOf(PHI3, ...gpus);
    expect(out).toMatch(/^# +layers +context +cache +ubatch +CUDA0 +CUDA0 free +CPU$/m);
    expect(out.match(/^#\d+\nllama-server .*$/gm)).toEqual(
      points.map(({ command }, index) => `#${index + 1}\n${command}`),
    );
    expect(out).toContain('1.00 GiB of the device free');
    const narrow = (await cliOn({ columns: 80 }, 'fit', PHI3, ...gpusOf(['cuda:4GiB', 'cuda:3GiB']))).out;
    const titles = narrow.split('\n').find((line) => line.startsWith('#'))!;
    expect(titles).toMatch(/CUDA0 free +CUDA1 free/);
    expect(titles.length).toBeLessThanOrEqual(80);
  });

  it('keeps what is given, and tries what is listed', async () => {
    const { points } = await fitOf(
      PHI3,
      ...gpus,
      '-c',
      '2k',
      '--cache-types',
      'q4_0',
      '--ubatch-sizes',
      '128',
      '-fitt',
      '256',
    );
    expect(points).toMatchObject([{ contextSize: 2048, cacheTypeK: 'q4_0', ubatchSize: 128 }]);
    expect(await fitOf(PHI3, ...gpus, '-ngl', 'auto', '-fitc', '1024')).toMatchObject({ fits: true });
  });

  it('quotes a command where a shell would take it apart', async () => {
    const { out } = await cli(
      'fit',
      PHI3,
      ...gpus,
      '--as',
      'llama.cpp',
      '-ot',
      'ffn_(up|down)=CPU',
      '-ngl',
      '4',
      '-c',
      '1024',
    );
    expect(out).toContain(` -ngl 4 -ot "ffn_(up|down)=CPU" -fit off\n`);
  });

  it('says that nothing fits, and what to try, and exits with 1', async () => {
    const { code, out, err } = await cli('fit', PHI3, ...gpusOf(['cuda:1025MiB']));
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toMatch(/^Nothing fits: no way to run .* leaves 1\.00 GiB of the device free\.\nTry /);
    expect(await fitOf(PHI3, ...gpusOf(['cuda:1025MiB']))).toMatchObject({ fits: false, points: [] });
  });

  it('says which options no flag of llama.cpp is', async () => {
    const { err } = await cli('fit', PHI3, '--gpu', 'cuda:8GiB', '--outputs', '9', '--state-snapshots', '3');
    for (const flag of ['--outputs 9', '--state-snapshots 3'])
      expect(err).toContain(`no flag of llama.cpp is ${flag}, so the commands do not say it`);
  });

  it('as llama.cpp does it is what measure -fit on says', async () => {
    const [two, flags] = [gpusOf(['cuda:2GiB', 'cuda:2GiB']), ['-fitt', '100,200']];
    const { out } = await cli('fit', PHI3, ...two, ...flags, '--as', 'llama.cpp', '--json');
    const { out: same } = await cli('measure', PHI3, ...two, ...flags, '-fit', 'on', '--json');
    const { command, words, trials, ...rest } = JSON.parse(out) as Record<string, unknown>;
    expect([rest]).toEqual(JSON.parse(same));
    expect(String(command)).toContain('-fit off');
    expect((trials as unknown[]).length).toBeGreaterThan(1);
    expect(await measured(two, words as string[])).toEqual(rest.devices);
  });

  it.each([
    [[], 'there is no memory to fit: give --gpu'],
    [['--memory', '8GiB', ...gpus], '--memory is that of a CPU alone'],
    [['--reserve', '1GiB', ...gpus], '--fit-target 1024 keeps as much free'],
    [['--memory', '8GiB', '--as', 'llama.cpp'], '--as must have devices'],
    [[...gpus, '-ngl', '20'], 'fit chooses --gpu-layers itself: leave it out'],
    [
      [...gpus, '-ts', '1,1', '-cmoe'],
      'fit chooses --tensor-split and --override-tensor, --cpu-moe or --n-cpu-moe itself',
    ],
    [[...gpus, '--as', 'ollama'], 'must be one of llama.cpp'],
    [[...gpus, '--as', 'llama.cpp', '--cache-types', 'f16'], '--cache-types must be left out'],
    [[...gpus, '-ctk', 'f16', '--cache-types', 'f16'], '--cache-types'],
    [[...gpus, '-fitt', '1GiB'], 'a number of MiB without a unit'],
    [[...gpus, '-fitt', '1,2,3'], '--fit-target'],
    [[...gpus, '-fitt', '4096'], 'nothing is left'],
    [[...gpus, '-fitc', '0'], 'at least 1'],
    [[...gpus, '--program', 'bench'], 'llama-bench has no command'],
    [['--gpu', 'cuda'], 'has no memory'],
    [[...gpus, '--turbo'], "unknown option '--turbo'"],
  ])('%j is misuse', async (args, message) => {
    const { code, out, err } = await cli('fit', PHI3, ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});
