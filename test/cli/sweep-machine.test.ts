/** `tensor-arena sweep --gpu`: rows say of each device what measure says. */
import { describe, expect, it } from 'vitest';
import { cli } from '../support/cli.js';
import { projectPath } from '../support/shared.js';

const PHI3 = projectPath('examples/phi-3-mini-4k.gguf');
const GPUS = ['--gpu', 'cuda:1GiB', '--gpu', 'cuda:1GiB'];

interface Row {
  fits: boolean | null;
  refusal: string | null;
  contextSize: number;
  offload: { gpuLayers: number | 'all'; kvOffload: boolean };
  devices: { name: string; total: number; fits: boolean }[];
}

describe('sweep --gpu', () => {
  it('has a row for each combination, with the bytes of measure', async () => {
    const { code, out, err } = await cli('sweep', PHI3, ...GPUS, '-ngl', '0,16,all', '-c', '1k,32k', '-nkvo', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const rows = JSON.parse(out) as Row[];
    expect(rows).toHaveLength(6);
    for (const { contextSize, offload, devices, fits } of rows) {
      expect(offload.kvOffload).toBe(false);
      const flags = ['-c', String(contextSize), '-ngl', String(offload.gpuLayers), '-nkvo', '--json'];
      const [same] = JSON.parse((await cli('measure', PHI3, ...GPUS, ...flags)).out) as Row[];
      expect(devices).toEqual(same.devices);
      expect(fits).toBe(devices.every((device) => device.fits));
    }
    expect(new Set(rows.map(({ fits }) => fits))).toEqual(new Set([true, false]));
  });

  it('prints the same as a table and as CSV, with what is refused', async () => {
    const args = [
      'sweep',
      PHI3,
      ...GPUS,
      '-ngl',
      '8',
      '-sm',
      'layer,row',
      '-ncmoe',
      '2',
      '-ot',
      'a=CPU,b=CPU',
      '-c',
      '512',
    ];
    const rows = JSON.parse((await cli(...args, '--json')).out) as Row[];
    const totals = rows[0].devices.map(({ total }) => String(total));
    const [titles, first, second] = (await cli(...args, '--csv')).out.trimEnd().split('\n');
    expect(titles).toMatch(/,fits,gpu_layers,split_mode,tensor_split,.*,CUDA0,CUDA1,CPU$/);
    expect(first).toContain(',true,8,layer,');
    expect(first.split(',').slice(-3)).toEqual(totals);
    expect(second).toContain('--split-mode must be layer or none');
    const { out } = await cli(...args);
    expect(out).toMatch(/ layers +split +host experts +overrides +CUDA0 +CUDA1 +CPU +fits +refused$/m);
    expect(out).toMatch(/^2 configurations, 1 refused$/m);
    expect(out).not.toContain('CPU backend');
  });

  it('exits with 1 if nothing fits', async () => {
    expect((await cli('sweep', PHI3, '--gpu', 'cuda:1GiB', '-ngl', '20,99')).code).toBe(1);
  });

  it.each([
    [[...GPUS, '--memory', '8GiB'], '--memory must be left out with --gpu'],
    [[...GPUS, '--memory', '8GiB', '--reserve', '1GiB'], '--memory and --reserve must be left out'],
    [[...GPUS, '-ngl', '1,many'], 'It must be an integer'],
    [[...GPUS, '-ncmoe', '-1'], 'whole number'],
    [['--gpu', 'cuda'], 'has no memory'],
  ])('%j is misuse', async (args, message) => {
    const { code, out, err } = await cli('sweep', PHI3, ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(message);
  });
});
