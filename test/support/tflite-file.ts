/**
 * TFLite files of a few lines, written with the library's own builder of flatbuffers, for tests.
 */
import { Builder } from 'flatbuffers';
import { BUILTIN_NAMES } from '../../src/dialects/tflite/builtin-names.js';
import { TFLITE_TYPES } from '../../src/dialects/tflite/types.js';

export interface TensorText {
  readonly name: string;
  /** Default `f32`. */
  readonly type?: string;
  readonly shape: readonly number[];
  readonly signature?: readonly number[];
  /** 32-bit numbers that the file holds. */
  readonly values?: readonly number[];
  readonly isVariable?: boolean;
  /** Instead of a buffer of its own. */
  readonly buffer?: number;
}

export interface OperatorText {
  /** A name in capitals that TFLite does not have is that of a custom operation. */
  readonly op: string;
  /** Names; null for an operand that is left out. */
  readonly inputs: readonly (string | null)[];
  readonly outputs: readonly string[];
  /** Settings by field: whole numbers as 32 bits, flags as a byte, small numbers in `bytes`. */
  readonly options?: Readonly<Record<number, number | boolean | readonly number[]>>;
  /** Fields that are one byte. */
  readonly bytes?: Readonly<Record<number, number>>;
}

export interface SubgraphText {
  readonly tensors: readonly TensorText[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly operators: readonly OperatorText[];
}

const offsets = (b: Builder, list: readonly number[]): number => {
  b.startVector(4, list.length, 4);
  for (const each of list.toReversed()) b.addOffset(each);
  return b.endVector();
};

const ints = (b: Builder, list: readonly number[]): number => {
  b.startVector(4, list.length, 4);
  for (const each of list.toReversed()) b.addInt32(each);
  return b.endVector();
};

/** The bytes of a file. Buffer 0 is empty, as in all files. */
export function tfliteFile(
  subgraphs: readonly SubgraphText[],
  metadata: readonly { readonly name: string; readonly data: readonly number[] }[] = [],
): Uint8Array {
  const b = new Builder(1024);
  const buffers: number[] = [];
  const addBuffer = (values: readonly number[] | null): number => {
    let data = 0;
    if (values !== null) {
      b.startVector(1, 4 * values.length, 16);
      for (const value of values.toReversed()) b.addInt32(value);
      data = b.endVector();
    }
    b.startObject(3);
    if (data !== 0) b.addFieldOffset(0, data, 0);
    return buffers.push(b.endObject()) - 1;
  };
  addBuffer(null);
  const ops = [...new Set(subgraphs.flatMap(({ operators }) => operators.map(({ op }) => op)))];
  const codes = ops.map((op) => {
    const number = BUILTIN_NAMES.indexOf(op);
    const name = number === -1 ? b.createString(op) : 0;
    b.startObject(4);
    b.addFieldInt8(0, Math.min(127, number === -1 ? 32 : number), 0);
    if (name !== 0) b.addFieldOffset(1, name, 0);
    b.addFieldInt32(3, number === -1 ? 32 : number, 0);
    return b.endObject();
  });
  const graphs = subgraphs.map(({ tensors, inputs, outputs, operators }) => {
    const idOf = (name: string | null): number =>
      name === null ? -1 : tensors.findIndex((each) => each.name === name);
    const tables = tensors.map(({ name, type = 'f32', shape, signature, values, isVariable, buffer }) => {
      const own = buffer ?? (values === undefined ? 0 : addBuffer(values));
      const [text, lengths, free] = [b.createString(name), ints(b, shape), signature && ints(b, signature)];
      b.startObject(10);
      b.addFieldOffset(0, lengths, 0);
      b.addFieldInt8(
        1,
        TFLITE_TYPES.findIndex((each) => each.name === type),
        0,
      );
      b.addFieldInt32(2, own, 0);
      b.addFieldOffset(3, text, 0);
      if (isVariable === true) b.addFieldInt8(5, 1, 0);
      if (free !== undefined) b.addFieldOffset(7, free, 0);
      return b.endObject();
    });
    const steps = operators.map(({ op, inputs: from, outputs: to, options = {}, bytes = {} }) => {
      const lists = Object.entries(options).map(([field, value]) =>
        Array.isArray(value) ? ([Number(field), ints(b, value as number[])] as const) : null,
      );
      b.startObject(12);
      for (const list of lists) if (list !== null) b.addFieldOffset(list[0], list[1], 0);
      for (const [field, value] of Object.entries(options)) {
        if (typeof value === 'boolean') b.addFieldInt8(Number(field), value ? 1 : 0, 0);
        else if (typeof value === 'number') b.addFieldInt32(Number(field), value, 0);
      }
      for (const [field, value] of Object.entries(bytes)) b.addFieldInt8(Number(field), value, 0);
      const settings = b.endObject();
      const [sources, results] = [ints(b, from.map(idOf)), ints(b, to.map(idOf))];
      b.startObject(9);
      b.addFieldInt32(0, ops.indexOf(op), 0);
      b.addFieldOffset(1, sources, 0);
      b.addFieldOffset(2, results, 0);
      b.addFieldOffset(4, settings, 0);
      return b.endObject();
    });
    const [all, first, last, list] = [
      offsets(b, tables),
      ints(b, inputs.map(idOf)),
      ints(b, outputs.map(idOf)),
      offsets(b, steps),
    ];
    b.startObject(6);
    b.addFieldOffset(0, all, 0);
    b.addFieldOffset(1, first, 0);
    b.addFieldOffset(2, last, 0);
    b.addFieldOffset(3, list, 0);
    return b.endObject();
  });
  const entries = metadata.map(({ name, data }) => {
    const [text, buffer] = [b.createString(name), addBuffer(data)];
    b.startObject(2);
    b.addFieldOffset(0, text, 0);
    b.addFieldInt32(1, buffer, 0);
    return b.endObject();
  });
  const [codeList, graphList, bufferList, entryList, text] = [
    offsets(b, codes),
    offsets(b, graphs),
    offsets(b, buffers),
    offsets(b, entries),
    b.createString('written for a test'),
  ];
  b.startObject(8);
  b.addFieldInt32(0, 3, 0);
  b.addFieldOffset(1, codeList, 0);
  b.addFieldOffset(2, graphList, 0);
  b.addFieldOffset(3, text, 0);
  b.addFieldOffset(4, bufferList, 0);
  b.addFieldOffset(6, entryList, 0);
  b.finish(b.endObject(), 'TFL3');
  return b.asUint8Array();
}
