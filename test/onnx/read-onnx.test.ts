/** Reading: weights are skipped, counted and never kept; what is no model is said to be none. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProtoSchema } from 'onnx-buf';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { PlannerError } from '../../src/index.js';
import { readOnnx } from '../../src/onnx/index.js';
import { describeShared, projectPath, sharedPath } from '../support/shared.js';
import { ints, valueOf, weight, writeOnnx } from '../support/onnx-writer.js';

const small = writeOnnx({
  node: [['MatMul', 'x w', 'y']],
  input: [valueOf('x', ['batch', 256]), valueOf('w', [256, 4])],
  initializer: [weight('w', [256, 4]), ints('shape', [1, -1])],
  outputs: 'y',
});

/** A file of which no more is there than was asked for; counts the bytes. */
function fileOf(parts: readonly (Uint8Array | number)[]): {
  blob: { slice: (start: number, end: number) => { arrayBuffer: () => Promise<ArrayBuffer> } };
  read: () => number;
} {
  let read = 0;
  const lengths = parts.map((part) => (typeof part === 'number' ? part : part.byteLength));
  const total = lengths.reduce((a, b) => a + b, 0);
  const slice = (start: number, end: number): { arrayBuffer: () => Promise<ArrayBuffer> } => ({
    arrayBuffer: () => {
      const bytes = new Uint8Array(Math.max(0, Math.min(end, total) - start));
      read += bytes.byteLength;
      let at = 0;
      parts.forEach((part, index) => {
        if (typeof part !== 'number') {
          for (let byte = Math.max(start, at); byte < Math.min(end, at + part.byteLength); byte++)
            bytes[byte - start] = part[byte - at];
        }
        at += lengths[index];
      });
      return Promise.resolve(bytes.buffer);
    },
  });
  return { blob: { slice }, read: () => read };
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

const field = (number: number, length: number): number[] => [8 * number + 2, ...varint(length)];

describe('readOnnx', () => {
  it('says what is in a file', async () => {
    const model = await readOnnx(small);
    expect(model).toMatchObject({ name: 'ONNX data', irVersion: 9, nodeCount: 1, opsets: { '': 18 } });
    expect(model.inputs.map(({ name, dims }) => [name, dims])).toEqual([['x', ['batch', 256]]]);
    expect(model.weights).toEqual({
      count: 2,
      bytes: 4_112,
      byType: { f32: 4_096, i64: 16 },
      externalBytes: 0,
      externalFiles: [],
    });
    expect(model.graph.initializers.map(({ data }) => data)).toEqual([null, [1, -1]]);
  });

  it('counts weights that lie in another file', async () => {
    const external = create(TensorProtoSchema, {
      name: 'w',
      dataType: 1,
      dims: [1024n, 1024n],
      dataLocation: 1,
      externalData: [{ key: 'location', value: 'weights.bin' }],
    });
    const model = await readOnnx(
      writeOnnx({
        node: [['MatMul', 'x w', 'y']],
        input: [valueOf('x', [1, 1024])],
        initializer: [external],
        outputs: 'y',
      }),
    );
    expect(model.weights).toMatchObject({ bytes: 2 ** 22, externalBytes: 2 ** 22, externalFiles: ['weights.bin'] });
  });

  it('skips the weights of a file of five gigabytes', async () => {
    const count = 1.25 * 2 ** 30;
    const dims = [8, ...varint(count)];
    const head = [...dims, 16, 1, ...field(9, 4 * count)];
    const tensor = head.length + 4 * count;
    const start = [...field(5, tensor), ...head];
    const end = [...field(2, 4), ...new TextEncoder().encode('late')];
    const graph = start.length + 4 * count + end.length;
    const file = fileOf([new Uint8Array([8, 9, ...field(7, graph), ...start]), 4 * count, new Uint8Array(end)]);
    const model = await readOnnx(file.blob);
    expect(model.weights.bytes).toBe(5 * 2 ** 30);
    expect(model.graph.name).toBe('late');
    expect(file.read()).toBeLessThan(2 ** 22);
  });

  it('reads bytes, shared bytes and a file alike', async () => {
    const path = projectPath('examples/squeezenet.onnx');
    const bytes = readFileSync(path);
    const shared = new SharedArrayBuffer(bytes.byteLength);
    new Uint8Array(shared).set(bytes);
    const { name, ...model } = await readOnnx(path);
    expect(name).toBe('squeezenet.onnx');
    expect(await readOnnx(bytes)).toEqual({ ...model, name: 'ONNX data' });
    expect(await readOnnx(shared)).toEqual({ ...model, name: 'ONNX data' });
  });

  it.each<[string, Uint8Array | string, RegExp]>([
    ['an empty file', new Uint8Array(0), /`?ONNX data`? is empty/],
    ['a missing file', 'no/such.onnx', /`such.onnx` cannot be read: there is no such file/],
    ['a web page', new TextEncoder().encode('<!doctype html><html>'), /looks like a web page/],
    ['a model cut short', small.subarray(0, small.byteLength - 9), /is cut off|its message ends/],
    ['a length of 2^60', new Uint8Array([8, 9, 58, 128, 128, 128, 128, 128, 128, 128, 128, 16]), /is cut off/],
    ['a message longer than its own', new Uint8Array([8, 9, 58, 4, 10, 128, 1, 0]), /its message ends at byte/],
    ['an endless number', new Uint8Array([8, ...new Array<number>(12).fill(255)]), /more than ten bytes/],
    ['a field of no kind', new Uint8Array([8, 9, 63, 0]), /a field that no format has/],
    ['no graph', new Uint8Array([8, 9]), /has no graph/],
  ])('refuses %s in one sentence', async (_, source, message) => {
    const error: unknown = await readOnnx(source).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PlannerError);
    expect((error as PlannerError).code).toBe('BAD_ONNX');
    expect((error as PlannerError).message).toMatch(message);
  });

  it('refuses messages within messages without end', async () => {
    let inner: number[] = [];
    // A node, its attribute, its graph: again and again.
    for (let depth = 0; depth < 40; depth++)
      for (const number of [6, 5, 1]) inner = [...field(number, inner.length), ...inner];
    const error: unknown = await readOnnx(new Uint8Array([8, 9, ...field(7, inner.length), ...inner])).catch(
      (e: unknown) => e,
    );
    expect((error as PlannerError).message).toMatch(/nested deeper/);
  });

  it('refuses a type that there is not', async () => {
    const model = create(ModelProtoSchema, {
      irVersion: 9n,
      graph: { initializer: [{ name: 'w', dataType: 99, dims: [4n] }] },
    });
    await expect(readOnnx(toBinary(ModelProtoSchema, model))).rejects.toThrow(/`w` has element type 99/);
  });
});

describeShared('what is read of real files', () => {
  it.each(['optimum_tiny', 'silero_vad_v5', 'light_densenet121', 'ch_ppocr_mobile_v2.0_cls_infer'])(
    '%s is what another library reads',
    async (name) => {
      const bytes = readFileSync(sharedPath('models/onnx', `${name}.onnx`));
      const { graph } = await readOnnx(bytes);
      const expected = fromBinary(ModelProtoSchema, bytes).graph!;
      expect(graph.nodes.map(({ op, name: label, inputs, outputs }) => [op, label, inputs, outputs])).toEqual(
        expected.node.map(({ opType, name: label, input, output }) => [opType, label, input, output]),
      );
      expect(graph.initializers.map(({ name: label, shape }) => [label, shape])).toEqual(
        expected.initializer.map(({ name: label, dims }) => [label, dims.map(Number)]),
      );
      const settings = graph.nodes.map(({ attributes }) =>
        Object.entries(attributes).filter(([, value]) => Array.isArray(value)),
      );
      expect(settings).toEqual(
        expected.node.map(({ attribute }) =>
          attribute
            .filter(({ ints: list }) => list.length > 0)
            .map(({ name: key, ints: list }) => [key, list.map(Number)]),
        ),
      );
    },
  );
});
