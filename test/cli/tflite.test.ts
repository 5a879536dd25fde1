/** TFLite files on the command line. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readOfflinePlan, readTflite } from 'tensor-arena/tflite';
import { cli, scratchFolder } from '../support/cli.js';
import { projectPath } from '../support/shared-data.js';
import { tfliteFile } from '../support/tflite-file.js';

const { path, write } = scratchFolder();
const MODEL = projectPath('examples/audio-preprocessor.tflite');

describe('measure', () => {
  it('says what weights, activations and the runtime take', async () => {
    const { code, out, err } = await cli('measure', MODEL);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/weights, i16 +2\.66 KiB +2,720\nweights, i32 +120 B +120\n/);
    expect(out).toMatch(/compute buffer +2\.05 KiB +2,096\ntotal +4\.82 KiB +4,936\n/);
    expect(out).toContain('TFLite Micro by its own planner: 2.97 KiB (3,040 bytes).');
  });

  it('says it as JSON', async () => {
    const { code, out } = await cli('measure', MODEL, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([
      {
        bufferSize: 2096,
        alignment: 16,
        weights: [
          { type: 'i16', bytes: 2720 },
          { type: 'i32', bytes: 120 },
        ],
        runtimes: [{ runtime: 'TFLite Micro', bufferSize: 3040 }],
      },
    ]);
  });

  it('follows the convention of a runtime', async () => {
    const [row] = JSON.parse((await cli('measure', MODEL, '--convention', 'tflite', '--json')).out) as [
      { alignment: number; runtimes: { runtime: string }[] },
    ];
    expect([row.alignment, row.runtimes[0].runtime]).toEqual([64, 'TFLite']);
    const { code, err } = await cli('measure', MODEL, '--convention', 'tflm');
    expect([code, err]).toEqual([2, expect.stringContaining('tflite-micro') as string]);
  });

  it('has a row for each of several files', async () => {
    const { code, out } = await cli('measure', MODEL, projectPath('examples/attention.json'));
    expect(code).toBe(0);
    expect(out).toMatch(/audio-preprocessor\.tflite .* 2,096 .* 2\.77 KiB/);
  });
});

describe('plan and verify', () => {
  it('agree', async () => {
    for (const convention of ['tflite-micro', 'tflite', 'executorch']) {
      const planned = path(`${convention}.json`);
      expect((await cli('plan', MODEL, '--convention', convention, '-o', planned)).code).toBe(0);
      const { code, out } = await cli('verify', MODEL, planned); // the plan says how it was made
      expect([code, out]).toEqual([0, expect.stringMatching(/^ok: /) as string]);
    }
  });

  it('write the plan into the model', async () => {
    const planned = path('planned.tflite');
    const { code, out } = await cli('plan', MODEL, '-o', planned);
    expect([code, out]).toEqual([0, expect.stringContaining('2,096 bytes') as string]);
    const model = await readTflite(planned);
    expect(readOfflinePlan(model)!.offsets[0].some((offset) => offset > 0)).toBe(true);
    expect(Buffer.from(model.file).includes(readFileSync(MODEL))).toBe(true);
  });

  it('refuse to write another plan into a model', async () => {
    const { code, err } = await cli('plan', projectPath('examples/attention.json'), '-o', path('no.tflite'));
    expect([code, err]).toEqual([2, expect.stringContaining('only the plan of a .tflite can be written') as string]);
  });
});

describe('other shapes', () => {
  const open = write(
    'open.tflite',
    tfliteFile([
      {
        tensors: ['x', 'y', 'z'].map((name) => ({ name, shape: [1, 100], signature: [-1, 100] })),
        inputs: ['x'],
        outputs: ['z'],
        operators: [
          { op: 'LOGISTIC', inputs: ['x'], outputs: ['y'] },
          { op: 'SOFTMAX', inputs: ['y'], outputs: ['z'] },
        ],
      },
    ]),
  );
  const sizeOf = async (...flags: string[]): Promise<unknown> =>
    (JSON.parse((await cli('measure', open, '--json', ...flags)).out) as unknown[])[0];

  it('are those that flags give', async () => {
    expect(await sizeOf()).toMatchObject({ bufferSize: 400, runtimes: [{ bufferSize: 800 }] });
    const larger = { bufferSize: 3200, runtimes: [{ bufferSize: 6400 }] };
    expect(await sizeOf('--dim', '0=8')).toMatchObject(larger);
    expect(await sizeOf('--input', 'x=8,100')).toMatchObject(larger);
    expect(await sizeOf('--dim', 'x.0=1..8')).toMatchObject({ ...larger, family: { box: { 'x.0': [1, 8] } } });
  });

  it('are recorded by a plan', async () => {
    const planned = path('larger.json');
    expect((await cli('plan', open, '--dim', '0=8', '-o', planned)).code).toBe(0);
    expect(JSON.parse(readFileSync(planned, 'utf8'))).toMatchObject({ options: { dims: { '0': 8 } } });
    expect(await cli('verify', open, planned)).toMatchObject({ code: 0, err: '' });
    expect((await cli('verify', open, planned, '--dim', '0=9')).code).toBe(1);
  });

  it('have no plan in a model', async () => {
    const { code, err } = await cli('plan', open, '--dim', '0=8', '-o', path('larger.tflite'));
    expect([code, err]).toEqual([2, expect.stringContaining('with the shapes of its file') as string]);
  });

  it('that only a run would tell are asked for by the name of the flag', async () => {
    const { code, err } = await cli('measure', MODEL, '--dim', '1=320');
    expect([code, err]).toEqual([2, expect.stringContaining('with the option --bound') as string]);
  });
});

describe('shrink', () => {
  it('plans as the runtime of the file does', async () => {
    const { code, out } = await cli('shrink', MODEL, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject([{ before: { bufferSize: 2096 } }]);
  });
});

describe('map', () => {
  it('draws', async () => {
    const { code, out } = await cli('map', MODEL);
    expect([code, out]).toEqual([0, expect.stringMatching(/^<svg/) as string]);
  });
});

describe('what is wrong', () => {
  it('is said in one line', async () => {
    const bad = write('bad.tflite', 'this is no model at all');
    const cut = write('cut.tflite', readFileSync(MODEL).subarray(0, 5000));
    const late = write(
      'late.tflite',
      tfliteFile([
        {
          tensors: ['x', 'y', 'z'].map((name) => ({ name, shape: [4] })),
          inputs: ['x'],
          outputs: ['y'],
          operators: [
            { op: 'ADD', inputs: ['x', 'z'], outputs: ['y'] },
            { op: 'RELU', inputs: ['y'], outputs: ['z'] },
          ],
        },
      ]),
    );
    for (const [file, message] of [
      [bad, /bad\.tflite: is no TFLite file, which has TFL3 at byte 4/],
      [cut, /cut\.tflite: .* outside the 5000 bytes of the file/],
      [late, /late\.tflite: ADD y reads `z`, which nothing has computed by then/],
      [path('absent.tflite'), /absent\.tflite: there is no such file/],
    ] as const) {
      const { code, err } = await cli('measure', file);
      expect(code).toBe(2);
      expect(err).toMatch(message);
      expect(err.trimEnd()).not.toContain('\n');
    }
  });
});
