/** Sweeps give what measureModel gives, row by row. */
import { describe, expect, it } from 'vitest';
import { parseDevices } from '../../src/device/parse.js';
import { PlannerError } from '../../src/index.js';
import { gridSize, measureModel, sweepModel, type MachineGrid, type SweepGrid } from '../../src/models/index.js';
import { expectError } from '../support/expect-error.js';
import { tinyGemma2, tinyLlama } from '../support/tiny-models.js';

const gemma2 = await tinyGemma2();

describe('sweepModel', () => {
  it('measures every combination, the first option outermost', () => {
    const grid: SweepGrid = {
      ctxSize: [512, 2048, 8192],
      flashAttention: [true, false],
      parallel: [1, 2],
      cacheTypeV: ['f16', 'q8_0'],
      swaFull: [false, true],
    };
    const rows = [...sweepModel(gemma2, grid)];
    expect(rows).toHaveLength(gridSize(grid));
    expect(rows.slice(0, 3).map(({ options }) => options)).toEqual([
      { ctxSize: 512, flashAttention: true, parallel: 1, cacheTypeV: 'f16', swaFull: false },
      { ctxSize: 512, flashAttention: true, parallel: 1, cacheTypeV: 'f16', swaFull: true },
      { ctxSize: 512, flashAttention: true, parallel: 1, cacheTypeV: 'q8_0', swaFull: false },
    ]);
    expect(new Set(rows.map(({ options }) => JSON.stringify(options))).size).toBe(rows.length);
    for (const row of rows) {
      if (row.refusal === null) {
        const { weights, context, compute, total, run } = measureModel(gemma2, row.options);
        expect(row).toMatchObject({ weights, context, compute, total, run });
      } else {
        expect(row.options).toMatchObject({ flashAttention: false, cacheTypeV: 'q8_0' });
        expect(() => measureModel(gemma2, row.options)).toThrow(row.refusal.message);
      }
    }
    expect(rows.filter(({ refusal }) => refusal !== null)).toHaveLength(rows.length / 4);
  });

  it('has one row without a grid, and none for an option without values', async () => {
    const llama = await tinyLlama();
    expect([...sweepModel(llama, {})]).toMatchObject([{ options: {}, total: measureModel(llama).total }]);
    expect([...sweepModel(llama, { ctxSize: [] })]).toEqual([]);
    expect(gridSize({})).toBe(1);
  });

  it('works row by row, so that a caller may stop', () => {
    const endless = Array.from({ length: 1_000_000 }, (_, index) => 256 * (1 + (index % 1000)));
    const rows = sweepModel(gemma2, { ctxSize: endless, ubatchSize: endless });
    expect(rows.next().value).toMatchObject({ run: { contextSize: 256 } });
    rows.return();
  });

  it('refuses a grid with an option that there is none', () => {
    const grids = [{ ctx: [512] }, { phase: ['pp'] }, { ctxSize: [512], CtxSize: [1024] }];
    for (const grid of grids as SweepGrid[]) {
      const option = Object.keys(grid).at(-1)!;
      expectError('BAD_ARGUMENT', `${option} of grid`, () => [...sweepModel(gemma2, grid)]);
      expectError('BAD_ARGUMENT', `${option} of grid`, () => gridSize(grid));
    }
  });

  it('does not take a broken model for a refused combination', async () => {
    const broken = await tinyLlama({ tensors: { 'blk.2.ffn_up.weight': [256, 700] } });
    expect(() => [...sweepModel(broken, { ctxSize: [512] })]).toThrow(
      expect.objectContaining({ code: 'BAD_MODEL', culprit: 'blk.2.ffn_up.weight' }) as PlannerError,
    );
  });
});

describe('sweepModel with devices', () => {
  const machines = [parseDevices(['cuda:24MiB']), parseDevices(['cuda:8MiB', 'cuda:8MiB'])];

  it('measures every combination on every machine, as measureModel does', async () => {
    const llama = await tinyLlama();
    const grid = {
      devices: machines,
      gpuLayers: [0, 1, 99],
      ctxSize: [512, 32768],
      flashAttention: ['auto' as const, false],
    };
    const rows = [...sweepModel(llama, grid)];
    expect(rows).toHaveLength(gridSize(grid));
    expect(new Set(rows.map((row) => row.refusal === null && row.fits))).toEqual(new Set([true, false]));
    for (const row of rows) {
      if (row.refusal !== null) throw row.refusal;
      const { run, isRecurrent, devices, weights, context, compute, output, total } = measureModel(llama, row.options);
      expect(row).toMatchObject({ run, isRecurrent, devices, weights, context, compute, output, total });
      expect(row.fits).toBe(devices.every((device) => device.total <= device.freeBytes));
    }
  });

  it('says of a combination that cannot be run why not', async () => {
    const grid = { devices: [machines[0]], splitMode: ['layer', 'row'], mainGpu: [0] } as const;
    const [layer, row] = sweepModel(await tinyLlama(), grid);
    expect(layer.refusal).toBeNull();
    expect(row).toEqual({
      options: { devices: machines[0], splitMode: 'row', mainGpu: 0 },
      refusal: expect.any(PlannerError) as unknown,
    });
  });

  it('refuses options of devices without devices, and a machine that is no list', async () => {
    const llama = await tinyLlama();
    expectError('BAD_ARGUMENT', 'gpuLayers of grid', () => gridSize({ gpuLayers: [1] } as SweepGrid));
    const [row] = sweepModel(llama, { devices: [null] } as unknown as MachineGrid);
    expect(row.refusal?.message).toMatch(/devices/);
    expectError('BAD_ARGUMENT', 'grid.devices', () => gridSize({ devices: 3 } as unknown as MachineGrid));
  });
});
