/** Reading TFLite files: what is in them, and that no file leads to anything but a model or one sentence. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PlannerError } from 'tensor-arena';
import { graphFromTflite, readTflite, type TfliteModel } from 'tensor-arena/tflite';
import { expectRefusal } from '../support/expect-refusal.js';
import { expectSentence } from '../support/expect-error.js';
import { projectPath } from '../support/shared-data.js';
import { tfliteFile, type SubgraphText } from '../support/tflite-file.js';

const EXAMPLE = projectPath('examples/audio-preprocessor.tflite');
const example = readFileSync(EXAMPLE);

const relu: SubgraphText = {
  tensors: [
    { name: 'x', shape: [1, 4], signature: [-1, 4] },
    { name: 'y', type: 'i8', shape: [1, 4] },
  ],
  inputs: ['x'],
  outputs: ['y'],
  operators: [{ op: 'QUANTIZE', inputs: ['x'], outputs: ['y'] }],
};

describe('a file', () => {
  it('is read from a path, a Blob and bytes alike', async () => {
    const whole = ({ subgraphs, weights, metadata, bufferSizes }: TfliteModel): object => ({
      subgraphs,
      weights,
      metadata,
      bufferSizes,
    });
    const models = await Promise.all([EXAMPLE, new Blob([example]), example].map((source) => readTflite(source)));
    expect(models.map(({ name }) => name)).toEqual(['audio-preprocessor.tflite', 'TFLite data', 'TFLite data']);
    for (const model of models) expect(whole(model)).toEqual(whole(models[0]));
    expect(models[0].subgraphs[0].operators).toHaveLength(22);
    expect(models[0].subgraphs[0].operators[0]).toMatchObject({ op: 'SignalWindow', isCustom: true });
  });

  it('says what it says', async () => {
    const { subgraphs, description, metadata } = await readTflite(tfliteFile([relu], [{ name: 'note', data: [7] }]));
    const [x, y] = subgraphs[0].tensors;
    expect(x).toMatchObject({ name: 'x', shape: [1, 4], shapeSignature: [-1, 4], isConstant: false });
    expect([x.type.name, y.type.name]).toEqual(['f32', 'i8']);
    expect(description).toBe('written for a test');
    expect(metadata).toEqual([{ name: 'note', buffer: 1 }]);
  });
});

describe('what is no TFLite file', () => {
  it.each([
    ['nothing', new Uint8Array(0), /no TFLite file/],
    ['text', new TextEncoder().encode('a text that is long enough'), /no TFLite file, which has TFL3 at byte 4/],
    ['half of one', example.subarray(0, 4000), /lies at bytes \d+ to \d+, outside the 4000 bytes/],
    ['a head alone', example.subarray(0, 8), /outside the 8 bytes/],
  ])('is refused: %s', async (_, bytes, message) => {
    await expectRefusal('BAD_TFLITE', () => readTflite(bytes), message);
  });

  it('is refused: a file that is not there', async () => {
    await expectRefusal('BAD_TFLITE', () => readTflite('no/such/file.tflite'), /there is no such file/);
  });

  it('is refused: references to nothing', async () => {
    const [tensor] = relu.tensors;
    const odd = (change: Partial<SubgraphText>): Uint8Array => tfliteFile([{ ...relu, ...change }]);
    const beyond = odd({ tensors: [{ ...tensor, buffer: 99 }, relu.tensors[1]] });
    await expectRefusal('BAD_TFLITE', () => readTflite(beyond), /tensor 0 has buffer 99, but there are 1/);
    const below = odd({ tensors: [{ ...tensor, shape: [-5, 4] }, relu.tensors[1]] });
    await expectRefusal('BAD_TFLITE', () => readTflite(below), /the shape \[-5, 4\], with a length below 0/);
    const calls = odd({ operators: [{ op: 'CALL_ONCE', inputs: [], outputs: [], options: { 0: 9 } }] });
    await expectRefusal('BAD_TFLITE', () => readTflite(calls), /runs subgraph 9, but there are 1/);
    await expectRefusal('BAD_TFLITE', () => readTflite(tfliteFile([])), /has no subgraph/);
  });
});

/** Numbers by a generator that is written here in full, so that a failure can be found again. */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ;) yield (state = (state * 48271) % 2147483647);
}

/** A model and its graph, or one sentence. */
async function answer(bytes: Uint8Array): Promise<'graph' | 'sentence'> {
  try {
    graphFromTflite(await readTflite(bytes));
    return 'graph';
  } catch (error) {
    expect(error).toBeInstanceOf(PlannerError);
    expectSentence(error as PlannerError);
    return 'sentence';
  }
}

describe('a hostile file', () => {
  it('with any bytes changed leads to a graph or a sentence', async () => {
    const next = numbers(11);
    const seen = { graph: 0, sentence: 0 };
    for (let round = 0; round < 3000; round++) {
      const bytes = Uint8Array.from(example);
      const view = new DataView(bytes.buffer);
      const changes = 1 + ((next.next().value as number) % 4);
      for (let change = 0; change < changes; change++) {
        const at = 8 + ((next.next().value as number) % (bytes.length - 12));
        const kind = (next.next().value as number) % 4;
        if (kind === 0) bytes[at] = (next.next().value as number) % 256;
        else view.setUint32(at - (at % 4), [0, 2 ** 31, 2 ** 32 - 1, (next.next().value as number) % 9000][kind], true);
      }
      seen[await answer(bytes)]++;
    }
    expect(seen.graph).toBeGreaterThan(100);
    expect(seen.sentence).toBeGreaterThan(100);
  });

  it('that is cut off anywhere leads to a graph or a sentence', async () => {
    for (let length = 0; length < example.length; length += 97) await answer(example.subarray(0, length));
  });

  it('cannot make its parts count without end by naming them again and again', async () => {
    // One list of operators, named by each of many subgraphs: 2,000 × 2,000 of them in a file of 100 kB.
    const operators = Array.from({ length: 2000 }, () => relu.operators[0]);
    const bytes = tfliteFile([
      { ...relu, operators },
      ...Array.from({ length: 2000 }, () => ({ ...relu, operators: [] })),
    ]);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const root = view.getUint32(0, true);
    const vtable = root - view.getInt32(root, true);
    const list = root + view.getUint16(vtable + 4 + 2 * 2, true);
    const first = list + view.getUint32(list, true) + 4;
    const target = first + view.getUint32(first, true);
    // Every entry of the list of subgraphs refers to the first one.
    for (let entry = 0; entry <= 2000; entry++) view.setUint32(first + 4 * entry, target - first - 4 * entry, true);
    await expectRefusal('BAD_TFLITE', () => readTflite(bytes), /so often that the file has no end/);
  });
});
