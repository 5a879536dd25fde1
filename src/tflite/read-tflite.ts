/**
 * From the bytes of a TFLite file to its contents. Weights stay where they are.
 *
 * Invariant: every index in the result points at something that is there, every shape is of whole lengths, and no
 * subgraph runs itself; or the error says what is wrong.
 */
import { shown } from '../errors.js';
import { BUILTIN_NAMES } from '../dialects/tflite/builtin-names.js';
import { findTfliteOperation } from '../dialects/tflite/operations.js';
import type { Setting } from '../dialects/tflite/row.js';
import { TFLITE_TYPES } from '../dialects/tflite/types.js';
import type { OperationParam } from '../tensor/tensor.js';
import { openRangeSource, type FileFormat, type GgufSource, type RangeSource } from '../gguf/range-source.js';
import { FlatFile, type FlatTable } from './flat-table.js';
import type { TfliteModel, TfliteOperator, TfliteSubgraph, TfliteTensor } from './model.js';
import { weightsOf } from './weights.js';

/** What every TFLite file has at byte 4. */
const IDENTIFIER = 'TFL3';
/** The builtin operation that stands for a custom one. */
const CUSTOM = 'CUSTOM';

/**
 * Reads a TFLite file, which is held in memory while the model is used. O(file).
 *
 * @param source a local path, an http(s) URL, a `Blob` or `File`, or the bytes of the file
 * @throws PlannerError `BAD_TFLITE`, naming what does not hold; `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { readTflite } from 'tensor-arena/tflite';
 * const model = await readTflite('examples/audio-preprocessor.tflite');
 * console.log(model.subgraphs.length, model.weights);
 * ```
 */
export async function readTflite(source: GgufSource): Promise<TfliteModel> {
  const opened = openRangeSource(source, FORMAT);
  return parseTflite(await readAll(opened), opened.name);
}

const FORMAT: FileFormat = { dataName: 'TFLite data', code: 'BAD_TFLITE' };

/** The most bytes of a flatbuffer. What lies behind it in a larger file are weights, which are not read. */
const MOST_BYTES = 2 ** 31 - 1;

/** Bytes that are read first; each further read doubles what is there. */
const FIRST_BYTES = 2 ** 25;

async function readAll(source: RangeSource): Promise<Uint8Array> {
  let bytes = await source.read(0, FIRST_BYTES);
  for (let asked = FIRST_BYTES; bytes.length === asked && asked < MOST_BYTES;) {
    const next = await source.read(asked, Math.min(MOST_BYTES, 2 * asked));
    asked = Math.min(MOST_BYTES, 2 * asked);
    const both = new Uint8Array(bytes.length + next.length);
    both.set(bytes);
    both.set(next, bytes.length);
    bytes = both;
  }
  return bytes;
}

/** The contents of the bytes of a file. @param name of the file in messages. @throws PlannerError `BAD_TFLITE` */
export function parseTflite(bytes: Uint8Array, name: string): TfliteModel {
  const file = new FlatFile(bytes, name);
  const isTflite = bytes.length >= 8 && new TextDecoder('latin1').decode(bytes.subarray(4, 8)) === IDENTIFIER;
  if (!isTflite) file.fail(`is no TFLite file, which has ${IDENTIFIER} at byte 4`, IDENTIFIER);
  return new ModelReader(file, name).read();
}

interface OperatorCode {
  readonly op: string;
  readonly isCustom: boolean;
}

class ModelReader {
  readonly #file: FlatFile;
  readonly #name: string;
  readonly #root: FlatTable;
  #bufferSizes: number[] = [];
  #data: (Uint8Array | null)[] = [];
  #codes: OperatorCode[] = [];
  #subgraphCount = 0;

  constructor(file: FlatFile, name: string) {
    this.#file = file;
    this.#name = name;
    this.#root = file.root();
  }

  read(): TfliteModel {
    const root = this.#root;
    this.#data = root.tables(4, 'buffer', (table, index) => {
      const data = table.bytes(0, `the data of buffer ${index}`);
      // Offsets above 1 stand for data behind the flatbuffer, in files of more than 2 GiB.
      const isBehind = table.u64(1) > 1;
      this.#bufferSizes.push(isBehind ? table.u64(2) : (data?.length ?? 0));
      return isBehind || data?.length === 0 ? null : data;
    });
    this.#codes = root.tables(1, 'operator code', (table, index) => this.#code(table, index));
    this.#subgraphCount = root.tables(2, 'subgraph', () => null).length;
    if (this.#subgraphCount === 0) this.#fail('has no subgraph', 'subgraph');
    const subgraphs = root.tables(2, 'subgraph', (table, index) => this.#subgraph(table, index));
    this.#checkCalls(subgraphs);
    return {
      name: this.#name,
      file: this.#file.buffer.bytes(),
      description: root.text(3, 'the description') ?? '',
      subgraphs,
      bufferSizes: this.#bufferSizes,
      metadata: root.tables(6, 'metadata', (table, index) => ({
        name: table.text(0, `the name of metadata ${index}`) ?? '',
        buffer: table.u32(1),
      })),
      weights: weightsOf(subgraphs, this.#bufferSizes),
      bufferBytes: (index) => this.#data[index] ?? null,
    };
  }

  #fail(sentence: string, culprit: string): never {
    return this.#file.fail(sentence, culprit);
  }

  #code(table: FlatTable, index: number): OperatorCode {
    // The old field has a byte, and 127 in it where the new one has more to say.
    const number = Math.max(table.i8(0), table.i32(3));
    const op = BUILTIN_NAMES[number];
    if (op === undefined)
      this.#fail(`operator code ${index} is ${number}, which TFLite does not have`, `operator code ${index}`);
    if (op !== CUSTOM) return { op, isCustom: false };
    return { op: table.text(1, `the name of operator code ${index}`) || CUSTOM, isCustom: true };
  }

  #subgraph(table: FlatTable, index: number): TfliteSubgraph {
    const at = `subgraph ${index}`;
    const tensors = table.tables(0, `${at}: tensor`, (each, tensor) => this.#tensor(each, `${at}: tensor ${tensor}`));
    const idsOf = (from: FlatTable, field: number, what: string): number[] =>
      this.#ids(from.ints(field, what) ?? [], tensors.length, what);
    return {
      name: table.text(4, `the name of ${at}`) ?? '',
      tensors,
      inputs: idsOf(table, 1, `the inputs of ${at}`),
      outputs: idsOf(table, 2, `the outputs of ${at}`),
      operators: table.tables(3, `${at}: operator`, (each, number) => {
        const label = `${at}: operator ${number}`;
        const code = this.#codes[each.u32(0)] as OperatorCode | undefined;
        if (code === undefined) {
          this.#fail(`${label} has the operator code ${each.u32(0)}, but there are ${this.#codes.length}`, label);
        }
        const inputs = idsOf(each, 1, `the inputs of ${label}`);
        const outputs = idsOf(each, 2, `the outputs of ${label}`);
        return { ...code, inputs, outputs, ...this.#settings(each, code, label) };
      }),
    };
  }

  #ids(ids: number[], count: number, what: string): number[] {
    const stranger = ids.find((id) => id < -1 || id >= count);
    if (stranger !== undefined) this.#fail(`${what} name tensor ${stranger}, but there are ${count}`, what);
    return ids;
  }

  #tensor(table: FlatTable, label: string): TfliteTensor {
    const type = TFLITE_TYPES[table.i8(1)];
    if (type === undefined) this.#fail(`${label} has the type ${table.i8(1)}, which TFLite does not have`, label);
    const buffer = table.u32(2);
    // A file for a runtime that reads none may have no list of buffers.
    if (buffer >= Math.max(1, this.#data.length)) {
      this.#fail(`${label} has buffer ${buffer}, but there are ${this.#data.length}`, label);
    }
    const shape = table.ints(0, `the shape of ${label}`) ?? [];
    if (shape.some((length) => length < 0)) {
      this.#fail(`${label} has the shape ${shown(shape)}, with a length below 0`, label);
    }
    const signature = table.ints(7, `the shape signature of ${label}`);
    const quantization = table.table(4, `the quantisation of ${label}`);
    return {
      name: table.text(3, `the name of ${label}`) ?? '',
      type,
      shape,
      shapeSignature: signature?.length === shape.length ? signature : null,
      isVariable: table.bool(5),
      isQuantized: quantization !== null && (quantization.has(2) || quantization.has(4)),
      buffer,
      isConstant: (this.#bufferSizes[buffer] ?? 0) > 0,
    };
  }

  #settings(
    table: FlatTable,
    { op, isCustom }: OperatorCode,
    label: string,
  ): Pick<TfliteOperator, 'params' | 'subgraphs'> {
    const settings = isCustom ? [] : (findTfliteOperation(op)?.settings ?? []);
    if (settings.length === 0) return { params: {}, subgraphs: [] };
    const options = table.table(4, `the options of ${label}`);
    const params: Record<string, OperationParam> = {};
    const subgraphs: number[] = [];
    for (const setting of settings) {
      if (setting.kind !== 'subgraph') params[setting.name] = valueOf(options, setting, label);
      else subgraphs.push(this.#subgraphId(options?.i32(setting.field) ?? 0, label));
    }
    return { params, subgraphs };
  }

  #subgraphId(id: number, label: string): number {
    if (id >= 0 && id < this.#subgraphCount) return id;
    return this.#fail(`${label} runs subgraph ${id}, but there are ${this.#subgraphCount}`, label);
  }

  /** No subgraph runs itself, by way of others or not. O(subgraphs + operators). */
  #checkCalls(subgraphs: readonly TfliteSubgraph[]): void {
    const callees = subgraphs.map(({ operators }) => [...new Set(operators.flatMap((each) => each.subgraphs))]);
    const state = new Uint8Array(subgraphs.length); // 0: new, 1: on the path, 2: done
    for (let start = 0; start < subgraphs.length; start++) {
      const path: { id: number; next: number }[] = state[start] === 0 ? [{ id: start, next: 0 }] : [];
      while (path.length > 0) {
        const top = path[path.length - 1];
        state[top.id] = 1;
        const callee = callees[top.id][top.next++] as number | undefined;
        if (callee === undefined) {
          state[top.id] = 2;
          path.pop();
        } else if (state[callee] === 1) {
          this.#fail(`subgraph ${callee} runs itself`, `subgraph ${callee}`);
        } else if (state[callee] === 0) path.push({ id: callee, next: 0 });
      }
    }
  }
}

function valueOf(options: FlatTable | null, { field, kind, otherwise, name }: Setting, label: string): OperationParam {
  if (options === null) return kind === 'bool' ? otherwise !== 0 : kind === 'ints' ? null : otherwise;
  if (kind === 'bool') return options.u8(field, otherwise) !== 0;
  if (kind === 'ints') return options.ints(field, `the setting ${name} of ${label}`);
  if (kind === 'f32') return options.f32(field, otherwise);
  if (kind === 'u32') return options.u32(field, otherwise);
  if (kind === 'u8') return options.u8(field, otherwise);
  return kind === 'i8' ? options.i8(field, otherwise) : options.i32(field, otherwise);
}
