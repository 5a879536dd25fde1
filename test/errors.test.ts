/**
 * Every error is a sentence that a person would say, and its remedy helps with the value that was found: every code is
 * provoked here, and `expectError` holds the same of every error that any other test expects.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  Context,
  createProblem,
  ERROR_CODES,
  Graph,
  graphFromJson,
  graphToJson,
  measureGraph,
  parseProblemCsv,
  planFamily,
  planGraph,
  PlannerError,
  replayPlan,
  solve,
  type ErrorCode,
} from '../src/index.js';
import { gradients } from '../src/autodiff/index.js';
import { fitContext, measureModel } from '../src/models/index.js';
import { webgpuTarget } from '../src/webgpu/index.js';
import { shown } from '../src/errors.js';
import { readGguf, type Gguf } from '../src/gguf/index.js';
import { graphFromTflite, readTflite } from '../src/tflite/index.js';
import { executeGraph, Memory } from '../src/exec/index.js';
import { graphFromOnnx, readOnnx } from '../src/onnx/index.js';
import { writeGguf } from './support/gguf-writer.js';
import { expectSentence } from './support/expect-error.js';
import { valueOf, writeOnnx } from './support/onnx-writer.js';
import { projectPath } from './support/shared-data.js';

const bad = (value: unknown): never => value as never;
const gguf = await readGguf(readFileSync(projectPath('examples/phi-3-mini-4k.gguf')));
const MODEL_FILE = 'model.gguf';

async function errorOf(call: () => unknown): Promise<PlannerError> {
  try {
    await call();
  } catch (error) {
    expect(error).toBeInstanceOf(PlannerError);
    expectSentence(error as PlannerError);
    return error as PlannerError;
  }
  throw new Error('nothing was thrown');
}

/** What reading a file of these bytes is refused with. */
function readingOf(...bytes: (string | Uint8Array)[]): Promise<PlannerError> {
  const parts = bytes.map((part) => (typeof part === 'string' ? Uint8Array.from(part, (c) => c.charCodeAt(0)) : part));
  return errorOf(() => readGguf(new File(parts as BlobPart[], MODEL_FILE)));
}

const ctx = Context.deferred();
const x = ctx.setInput(ctx.newTensor('f32', [64, 8], 'x'));
const graph = Graph.forward(ctx.setOutput(ctx.setName(ctx.sqr(x), 'y')));
const document = graphToJson(graph);
const [leaf, node] = document.tensors;
const rows = (...tensors: object[]): object => ({ ...document, tensors });
const buffer = { size: 8, start: 0, end: 2 };
const ggufWith = (metadata: object): Gguf => ({ ...gguf, metadata: { ...gguf.metadata, ...metadata } });

const manyRows = (): void => {
  const rows = ctx.setInput(ctx.newTensor('f32', [2, 2 ** 22 + 1], 'rows'));
  const apart = ctx.view(rows, [1, 2 ** 22 + 1], [8]);
  const all = Graph.forward(ctx.setOutput(ctx.setName(ctx.cpy(ctx.newTensor('f32', [1, 2 ** 22 + 1]), apart), 'copy')));
  replayPlan(all, planGraph(all));
};

/** A read of a value that another node has overwritten by then. */
const hazard = (): Graph => {
  const y = ctx.setName(ctx.sqr(x), 'y');
  return Graph.forward([ctx.relu(y, { inPlace: true }), ctx.setName(ctx.exp(y), 'late')]);
};

/** Models of one node each: of an operation that nobody knows, and of an open dimension. */
const stretched = await readOnnx(
  writeOnnx({ node: [['Stretch', 'x', 'y', {}, 'com.acme']], input: [valueOf('x', [2])], outputs: 'y' }),
);
const opened = await readOnnx(writeOnnx({ node: [['Relu', 'x', 'y']], input: [valueOf('x', ['n'])], outputs: 'y' }));

/** One way, at least, to every code. */
const PROVOKED: Readonly<Record<ErrorCode, readonly (() => unknown)[]>> = {
  BAD_ALIGNMENT: [() => planGraph(graph, { alignment: 48 }), () => parseProblemCsv('', 0)],
  BAD_ARGUMENT: [
    () => measureGraph(bad({})),
    () => measureGraph(bad(undefined)),
    () => measureGraph(bad(Promise.resolve(graph))),
    () => measureGraph(graph, bad('ggml')),
    () => measureGraph(graph, { allocator: bad('best') }),
    () => measureGraph(graph, { maxChunkSize: -1 }),
    () => measureModel(gguf, { parallel: 300 }),
    () => measureModel(gguf, { cacheTypeV: 'q8_0', flashAttention: false }),
    () => fitContext(gguf, bad('8 GiB')),
    () => ctx.topK(x, 65),
    () => ctx.argsort(x, bad('up')),
    () => solve(createProblem([buffer]), { maxEffort: -1 }),
    () => Context.immediate({ buffer: new ArrayBuffer(8), byteLength: 9 }),
  ],
  BAD_BUFFER: [
    () => createProblem([{ ...buffer, end: 0 }]),
    () => createProblem([{ ...buffer, size: bad(undefined) }]),
  ],
  BAD_CSV: [
    () => parseProblemCsv(''),
    () => parseProblemCsv('id,lower\n'),
    () => parseProblemCsv('id,lower,upper,size\na,0,x,4\n'),
    () => parseProblemCsv('id,lower,upper,size\na,0,1\n'),
    () => parseProblemCsv('id,lower,upper,size\na,0,1,4\na,0,1,4\n'),
    () => parseProblemCsv('id,lower,upper,size,size\n'),
  ],
  BAD_DOCUMENT: [
    () => graphFromJson(null),
    () => graphFromJson({}),
    () => graphFromJson(rows({ ...leaf, op: 3 }, node)),
  ],
  BAD_GGUF: [() => readGguf(new Uint8Array(0)), () => readGguf('no/such/file.gguf'), () => readGguf([])],
  BAD_MODEL: [
    () => measureModel(ggufWith({ 'phi3.block_count': 0 })),
    () => measureModel(ggufWith({ 'general.architecture': 7 })),
    () => measureModel({ ...gguf, tensors: gguf.tensors.slice(1) }),
  ],
  BAD_ONNX: [
    () => readOnnx(new Uint8Array(0)),
    () => readOnnx('no/such/file.onnx'),
    () => readOnnx(new Uint8Array([8, 9])),
  ],
  BAD_OPERAND: [
    () => ctx.add(x, bad(undefined)),
    () => ctx.add(bad(Promise.resolve(x)), x),
    () => ctx.sqr(bad({})),
    () => ctx.mulMat(x, ctx.newTensor('f32', [32], 'w')),
    () => ctx.add(x, ctx.newTensor('f32', [3], 'b')),
    () => ctx.reshape(ctx.permute(x, [1, 0, 2, 3]), [512]),
    () => ctx.getRows(x, ctx.newTensor('f32', [8], 'ids')),
    () => ctx.setOutput(ctx.sqr(x), ctx.newTensor('f32', [2], 'cache')),
  ],
  BAD_ORDER: [() => graphFromJson(late())],
  BAD_SHAPE: [
    () => ctx.newTensor('f32', [-1]),
    () => ctx.newTensor('q4_0', [33], 'w'),
    () => ctx.newTensor('f32', bad(null)),
  ],
  BAD_TFLITE: [() => readTflite(new Uint8Array(9)), () => readTflite('no/such/file.tflite')],
  BAD_VIEW: [() => ctx.view(x, [64, 9], [256])],
  BYTES_TOO_LARGE: [() => ctx.newTensor('f32', [2 ** 52], 'huge')],
  CYCLE: [() => graphFromJson(cyclic())],
  DANGLING_INDEX: [() => graphFromJson({ ...document, leafs: [7] })],
  DANGLING_TENSOR: [() => Memory.separate(graph).elements(ctx.newTensor('f32', [1], 'stranger'))],
  FIXED_OVERLAP: [
    () =>
      solve(
        createProblem([
          { ...buffer, fixedOffset: 0 },
          { ...buffer, fixedOffset: 4 },
        ]),
      ),
  ],
  HAZARD: [() => planGraph(hazard())],
  LISTED_TWICE: [() => graphFromJson({ ...document, leafs: [0, 0] })],
  NO_GRADIENT: [
    () => {
      const clamped = ctx.sum(ctx.clamp(x, 0, 1));
      gradients(Graph.forward(clamped), clamped, [x]);
    },
  ],
  NOT_EXECUTABLE: [
    () => {
      const custom = Graph.forward(ctx.custom([x], { type: 'f32', ne: [4] }));
      executeGraph(custom, Memory.separate(custom));
    },
  ],
  NOT_LISTED: [() => graphFromJson({ ...document, leafs: [] })],
  NOT_READABLE: [() => ctx.data(x), () => planGraph(graph).allocate().data(x, 'i32')],
  OUTSIDE_FAMILY: [() => planFamily(() => graph, { length: [1, 1] }).plan(Graph.forward(ctx.newTensor('f32', [1])))],
  OUT_OF_MEMORY: [
    () => Context.immediate().newTensor('f32', [2 ** 48], 'huge'),
    () => Context.immediate({ buffer: new ArrayBuffer(64) }).newTensor('f32', [64], 'x'),
    () => planGraph(graph).allocate({ buffer: new ArrayBuffer(8) }),
  ],
  OVERSIZE: [
    () => planGraph(graph, { maxChunkSize: 1024 }),
    () => solve(createProblem([buffer]), { maxChunkSize: 4 }),
    () => solve(createProblem([{ ...buffer, fixedOffset: 8 }]), { maxChunkSize: 8 }),
  ],
  TOO_MANY_SPANS: [manyRows],
  UNBINDABLE: [
    () => measureGraph(graph, { target: webgpuTarget({ maxStorageBufferBindingSize: 4 }) }),
    () => measureGraph(graph, { target: webgpuTarget({ maxStorageBuffersPerShaderStage: 1 }) }),
  ],
  UNKNOWN_ARCHITECTURE: [() => measureModel(ggufWith({ 'general.architecture': 'yet-unborn' }))],
  UNKNOWN_OPERATION: [() => graphFromOnnx(stretched)],
  UNKNOWN_SHAPE: [
    () => graphFromOnnx(opened),
    () => graphFromOnnx(opened, { dims: {} }),
    async () =>
      graphFromTflite(await readTflite(projectPath('examples/audio-preprocessor.tflite')), { dims: { '1': 320 } }),
  ],
  UNKNOWN_TYPE: [() => ctx.newTensor(bad('q9'), [4])],
  WRONG_NBYTES: [
    () => graphFromJson(rows({ ...leaf, byteLength: 3 }, node)),
    () => graphFromJson(rows({ ...leaf, byteLength: undefined }, node)),
  ],
};

/** Two nodes, the first of which reads the second. */
function late(): object {
  const first = { ...node, name: 'first', src: [2] };
  return { ...document, tensors: [leaf, first, { ...node, name: 'second', src: [0] }], leafs: [0], nodes: [1, 2] };
}

/** A node that reads another, which reads it. */
function cyclic(): object {
  const [first, second] = [
    { ...node, name: 'first', src: [2] },
    { ...node, name: 'second', src: [1] },
  ];
  return { ...document, tensors: [leaf, first, second], leafs: [0], nodes: [1, 2] };
}

describe('every code', () => {
  it.each(Object.keys(ERROR_CODES) as ErrorCode[])('%s says a sentence', async (code) => {
    for (const call of PROVOKED[code]) {
      const error = await errorOf(call);
      if (process.env.PRINT_ERRORS) console.log(error.message);
      expect(error.code).toBe(code);
    }
  });
});

describe('a value', () => {
  class Plan {}
  it.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'undefined'],
    ['q8_0', '"q8_0"'],
    [300, '300'],
    [10n, '10n'],
    [[1, 2], '[1, 2]'],
    [[{}, [1]], '[an object, a list]'],
    [{}, 'an object'],
    [Object.create(null), 'an object'],
    [new Plan(), 'a Plan'],
    [Promise.resolve(), 'a Promise'],
    [new ArrayBuffer(4), 'an ArrayBuffer'],
    [() => 1, 'a function'],
    [Symbol('s'), 'Symbol(s)'],
    [Proxy.revocable({}, {}).proxy, 'an object'],
  ])('prints by its kind: %#', (value, text) => {
    expect(shown(value)).toBe(text);
  });

  it('prints in one bounded line', () => {
    expect(shown('a\n'.repeat(1e6)).length).toBeLessThan(130);
    expect(shown(new Array(1e6).fill(1)).length).toBeLessThan(130);
  });

  it('that is revoked is an object, too', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(shown(proxy)).toBe('an object');
  });
});

describe('what misled before', () => {
  it('a file that is no GGUF file', async () => {
    const { message } = await readingOf('no such thing');
    expect(message).toMatch(/^`model\.gguf` is no GGUF file: it does not start as one does\. Download or convert /);
  });

  it('a missing operand', async () => {
    const { message } = await errorOf(() => ctx.add(x, bad(undefined)));
    expect(message).toBe('ADD: b is missing. Give a tensor that a Context has returned.');
  });

  it('an object that is no graph', async () => {
    const { message } = await errorOf(() => measureGraph(bad({})));
    expect(message).toBe('`graph` is an object, but must be a Graph. Make one with Graph.forward or graphFromJson.');
  });

  it.each([
    [43, /has GGUF type 43, which this library does not know\. Update the library, if the file is newer; otherwise /],
    [31, /has GGUF type 31, which ggml has dropped\. Convert the model again with a current converter\.$/],
  ])('GGUF type %i', async (typeId, expected) => {
    const tensors = [{ name: 'w', type: typeId, ne: [4n] }];
    const error = await errorOf(() => readGguf(writeGguf({ tensors })));
    expect(error.code).toBe('UNKNOWN_TYPE');
    expect(error.message).toMatch(expected);
  });

  it.each<[metadata: object, what: string]>([
    [{ 'general.type': 'adapter' }, 'a LoRA adapter'],
    [{ 'adapter.type': 'lora' }, 'a LoRA adapter'],
    [{ 'general.type': 'imatrix', 'general.architecture': undefined }, 'an importance matrix'],
    [{ 'general.type': 'mmproj' }, 'a multimodal projector'],
    [{ 'general.architecture': 'clip' }, 'a multimodal projector'],
    [{ 'general.architecture': 'controlvector' }, 'a control vector'],
  ])('a file beside a model: %j', async (metadata, what) => {
    const { message } = await errorOf(() => measureModel(ggufWith(metadata)));
    expect(message).toContain(`is no model, but ${what}`);
    expect(message).not.toContain('damaged');
  });

  it('a vocabulary', async () => {
    const { message } = await errorOf(() =>
      measureModel({ ...gguf, metadata: { ...gguf.metadata, 'tokenizer.ggml.tokens': ['a'] }, tensors: [] }),
    );
    expect(message).toContain('is no model, but a vocabulary without weights');
  });
});

describe('a file of another kind', () => {
  it.each<[what: string, start: string]>([
    ['a safetensors file', '\x50\0\0\0\0\0\0\0{"a":{}}'],
    ['a ZIP archive', 'PK\x03\x04abcd'],
    ['a Python pickle', '\x80\x02abc'],
    ['an HDF5 file', '\x89HDF\r\n'],
    ['a TensorFlow Lite model', '\x1c\0\0\0TFL3'],
    ['an ONNX model', '\x08\x07\x12\x07pytorch'],
    ['a GGML file from before GGUF', 'tjgg\x03\0\0\0'],
    ['a pointer of Git LFS', 'version https://git-lfs.github.com/spec/v1\n'],
    ['a web page', '<!DOCTYPE html><html>'],
    ['a gzip archive', '\x1f\x8b\x08\0'],
    ['a Zstandard archive', '\x28\xb5\x2f\xfd'],
    ['zeros', '\0'.repeat(64)],
    ['JSON', '{"error":"Not found"}'],
  ])('is called %s', async (what, start) => {
    const { message } = await readingOf(start);
    expect(message).toContain(`is no GGUF file: it looks like ${what}`);
  });

  it('or empty', async () => {
    expect((await readingOf('')).message).toMatch(/^`model\.gguf` is empty\./);
  });

  it('or of a version or byte order that cannot be read', async () => {
    expect((await readingOf('GGUF\x04\0\0\0')).message).toContain('newer than this library');
    expect((await readingOf('GGUF\x01\0\0\0')).message).toContain('with a current converter');
    expect((await readingOf('GGUF\0\0\0\x03')).message).toContain('gguf_convert_endian.py');
  });
});
