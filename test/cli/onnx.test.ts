/** ONNX files on the command line: shapes by flags, one plan for a range, weights of what is not understood. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cli, scratchFolder } from '../support/cli.js';
import { valueOf, weight, writeOnnx } from '../support/onnx-writer.js';
import { projectPath } from '../support/shared.js';

const { write, path } = scratchFolder();
const SQUEEZENET = projectPath('examples/squeezenet.onnx');

const open = write(
  'open.onnx',
  writeOnnx({
    node: [
      ['MatMul', 'x w', 'a'],
      ['Relu', 'a', 'y'],
    ],
    input: [valueOf('x', ['batch', 64])],
    initializer: [weight('w', [64, 32])],
    outputs: 'y',
  }),
);
const strange = write(
  'strange.onnx',
  writeOnnx({
    node: [['Stretch', 'x w', 'y', {}, 'com.acme']],
    input: [valueOf('x', [64])],
    initializer: [weight('w', [10])],
    outputs: 'y',
  }),
);

describe('an ONNX file', () => {
  it('is measured, with its weights by type and shapes in its own order', async () => {
    const { code, out, err } = await cli('measure', SQUEEZENET);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('weights, f32');
    expect(out).toContain('1 x 64 x 111 x 111');
    expect(out).toContain('3,928,576 bytes');
  });

  it('is measured as JSON', async () => {
    const { out } = await cli('measure', '--json', '--in-place', 'off', SQUEEZENET);
    const [row] = JSON.parse(out) as Record<string, unknown>[];
    expect(row).toMatchObject({ bufferSize: 6_308_352, lowerBound: 6_308_352, alignment: 64, nodes: 67 });
    expect(row['weights']).toEqual([
      { type: 'f32', bytes: 2_716 },
      { type: 'i64', bytes: 936 },
    ]);
  });

  it('gets lengths by name, or whole shapes', async () => {
    const sizeOf = async (...flags: string[]): Promise<unknown> => {
      const { code, out, err } = await cli('measure', '--json', '--in-place', 'off', ...flags, open);
      return code === 0 ? (JSON.parse(out) as { bufferSize: number }[])[0].bufferSize : err;
    };
    expect(await sizeOf('--dim', 'batch=4')).toBe(4 * 64 * 4 + 4 * 32 * 4);
    expect(await sizeOf('--input', 'x=4,64')).toBe(4 * 64 * 4 + 4 * 32 * 4);
    expect(await sizeOf()).toMatch(/needs a length for batch. Give --dim batch=1, with your length/);
    expect(await sizeOf('--dim', 'bach=4')).toMatch(/no dimension bach, but batch/);
    expect(await sizeOf('--dim', 'batch')).toMatch(/must be a name, = and a value/);
    expect(await sizeOf('--dim', 'batch=8..1')).toMatch(/the lesser first/);
    expect(await sizeOf('--input', 'x=4,y')).toMatch(/must be a whole number/);
  });

  it('has one plan for a range of lengths', async () => {
    const { code, out } = await cli('measure', '--json', '--dim', 'batch=1..8', open);
    expect(code).toBe(0);
    const [{ bufferSize, family }] = JSON.parse(out) as {
      bufferSize: number;
      family: { box: object; corners: object[] };
    }[];
    expect(bufferSize).toBe(8 * 96 * 4);
    expect(family.box).toEqual({ batch: [1, 8] });
    expect(family.corners).toHaveLength(2);
    const report = await cli('measure', '--dim', 'batch=1..8', open);
    expect(report.out).toContain('One plan for batch 1 to 8: 3.00 KiB (3,072 bytes).');
    const plan = await cli('plan', '--dim', 'batch=1..8', open);
    expect(plan).toMatchObject({ code: 2, out: '' });
    expect(plan.err).toContain('--dim batch=1..8 is a range, which measure alone takes');
  });

  it('is planned, and verified by the shapes that the plan records', async () => {
    const file = path('plan.json');
    expect((await cli('plan', '--dim', 'batch=5', open, '-o', file)).code).toBe(0);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ options: { dims: { batch: 5 } } });
    expect(await cli('verify', open, file)).toMatchObject({ code: 0, err: '' });
    const other = await cli('verify', '--dim', 'batch=6', open, file);
    expect(other.code).toBe(1);
  });

  it('is drawn', async () => {
    const file = path('map.svg');
    expect((await cli('map', '--dim', 'batch=5', open, '-o', file)).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('<svg');
  });

  it('that is not understood has its weights counted', async () => {
    const { code, out, err } = await cli('measure', strange);
    expect(code).toBe(3);
    expect(err).toContain('only the weights could be measured. The node Stretch of y computes `com.acme.Stretch`');
    expect(out).toMatch(/weights +40 B/);
    expect(out).not.toContain('KV cache');
    const json = await cli('measure', '--json', strange);
    expect(JSON.parse(json.out)).toMatchObject([{ weights: 40, architecture: null, bufferSize: null }]);
    expect((await cli('plan', strange)).code).toBe(2);
  });

  it('that is cut off is named', async () => {
    const cut = write('cut.onnx', readFileSync(SQUEEZENET).subarray(0, 5000));
    const { code, err } = await cli('measure', cut);
    expect(code).toBe(2);
    expect(err).toMatch(/cut\.onnx is cut off/);
  });
});
