/**
 * Typed access to a GGUF's metadata: each key that an architecture reads is there and has the right type, or the error
 * names the key.
 */
import { wrongValue, type PlannerError } from '../errors.js';
import type { Gguf, GgufValue, GgufValueType } from '../gguf/types.js';

/** llama.cpp's limit on layers; it also bounds the graph that a hostile header can make us build. */
export const MAX_LAYERS = 512;

export class MetadataReader {
  readonly architecture: string;
  readonly #gguf: Gguf;

  /** @throws PlannerError `BAD_MODEL` if the file does not name its architecture */
  constructor(gguf: Gguf) {
    this.#gguf = gguf;
    const architecture = gguf.metadata['general.architecture'];
    if (typeof architecture !== 'string') throw badKey('general.architecture', architecture, 'a string');
    this.architecture = architecture;
  }

  /**
   * An integer from 0 to 2^32 - 1.
   *
   * @param key without the architecture's name
   * @param fallback if the key is missing; without it, the key is required
   * @throws PlannerError `BAD_MODEL`
   */
  integer(key: string, fallback?: number): number {
    return this.#read(key, isUint32, 'an integer from 0 to 2^32 - 1', fallback);
  }

  /** As {@link integer}, of a number that files store with a sign. @throws PlannerError `BAD_MODEL` */
  signed(key: string, fallback?: number): number {
    return this.#read(key, isUint32, 'an integer from 0 to 2^31 - 1', fallback, ['i32']);
  }

  /** An integer of at least 1. @throws PlannerError `BAD_MODEL` */
  positive(key: string, fallback?: number): number {
    return this.#read(key, isPositive, 'an integer from 1 to 2^32 - 1', fallback);
  }

  /** A finite number. @throws PlannerError `BAD_MODEL` */
  number(key: string, fallback?: number): number {
    return this.#read(key, isFinite, 'a finite number', fallback, ['f32']);
  }

  /** @throws PlannerError `BAD_MODEL` */
  flag(key: string, fallback?: boolean): boolean {
    return this.#read(key, (value): value is boolean => typeof value === 'boolean', 'true or false', fallback);
  }

  /** @throws PlannerError `BAD_MODEL` */
  text(key: string, fallback?: string): string {
    return this.#read(key, (value): value is string => typeof value === 'string', 'a string', fallback);
  }

  /** Whether the file holds a tensor. */
  hasTensor(name: string): boolean {
    return this.#gguf.tensors.some((tensor) => tensor.name === name);
  }

  /** Whether the key is there. */
  has(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** Whether the key is there, and its value is not a list. */
  hasScalar(key: string): boolean {
    const value = this.#find(key);
    return value !== undefined && !Array.isArray(value);
  }

  /** The length of a list; 0 if there is none. */
  listLength(key: string): number {
    const value = this.#find(key);
    return Array.isArray(value) ? value.length : 0;
  }

  /** The integers of a list; null if there is none. @throws PlannerError `BAD_MODEL` */
  integers(key: string): readonly number[] | null {
    const value = this.#find(key);
    if (!Array.isArray(value)) return null;
    this.#requireType(key, ['u32', 'i32', 'bool']);
    const numbers = value.map(asNumber);
    if (numbers.every(Number.isSafeInteger)) return numbers;
    throw badKey(this.#name(key), value, 'a list of integers');
  }

  /** One integer per layer, given once for all layers or as a list. @throws PlannerError `BAD_MODEL` */
  perLayer(key: string, layerCount: number, fallback?: number): readonly number[] {
    const value = this.#find(key);
    if (!Array.isArray(value)) return new Array<number>(layerCount).fill(this.integer(key, fallback));
    this.#requireType(key, ['u32', 'i32', 'bool']);
    const numbers = value.map(asNumber);
    if (value.length === layerCount && numbers.every(isUint32)) return numbers;
    throw badKey(this.#name(key), value, `one integer for each of ${layerCount} layers`);
  }

  /** One number per layer, given once for all layers or as a list. @throws PlannerError `BAD_MODEL` */
  numberPerLayer(key: string, layerCount: number, fallback?: number): readonly number[] {
    const value = this.#find(key);
    if (!Array.isArray(value)) return new Array<number>(layerCount).fill(this.number(key, fallback));
    this.#requireType(key, ['f32']);
    if (value.length === layerCount && value.every(isFinite)) return value;
    throw badKey(this.#name(key), value, `one number for each of ${layerCount} layers`);
  }

  /** Four integers, given as a list or as one for all. @throws PlannerError `BAD_MODEL` */
  sections(): readonly [number, number, number, number] {
    const key = 'rope.dimension_sections';
    const value = this.#find(key);
    this.#requireType(key, Array.isArray(value) ? ['u32', 'i32'] : ['i32']);
    const list: unknown[] = Array.isArray(value) ? value : [value, value, value, value];
    if (list.length !== 4 || !list.every(isUint32)) throw badKey(this.#name(key), value, 'four integers');
    const [first, second, third, fourth] = list;
    return [first, second, third, fourth];
  }

  /** How many layers the file has. @throws PlannerError `BAD_MODEL` */
  layerCount(): number {
    const isCount = (value: unknown): value is number => isPositive(value) && value <= MAX_LAYERS;
    return this.#read('block_count', isCount, `an integer from 1 to ${MAX_LAYERS}`);
  }

  /** How many tokens the model knows: the length of the tokeniser's list, or else the number that the key gives. */
  vocabularySize(): number {
    const tokens = this.#gguf.metadata['tokenizer.ggml.tokens'];
    return Array.isArray(tokens) ? tokens.length : this.positive('vocab_size');
  }

  /** How many types the tokeniser gives tokens, of which each has an embedding. @throws PlannerError `BAD_MODEL` */
  tokenTypeCount(): number {
    const key = 'tokenizer.ggml.token_type_count';
    const value = this.#gguf.metadata[key];
    if (isPositive(value)) return value;
    throw badKey(key, value, 'an integer from 1 to 2^32 - 1');
  }

  /** Throws: the value of a key is not `limit`. @throws PlannerError `BAD_MODEL` */
  refuse(key: string, limit: string): never {
    throw badKey(this.#name(key), this.#find(key), limit);
  }

  #read<T>(
    key: string,
    isValid: (value: unknown) => value is T,
    limit: string,
    fallback?: T,
    types: readonly GgufValueType[] = ['u32'],
  ): T {
    const value = this.#find(key) ?? fallback;
    if (!isValid(value)) throw badKey(this.#name(key), value, limit);
    this.#requireType(key, typeof value === 'boolean' ? ['bool'] : typeof value === 'string' ? ['string'] : types);
    return value;
  }

  /** llama.cpp expects one type for each key, and refuses a number of any other type. */
  #requireType(key: string, types: readonly GgufValueType[]): void {
    const type = this.#gguf.types?.[this.#name(key)];
    if (type === undefined || types.includes(type)) return;
    const [found, limit] = [`stored as ${type}`, `stored as ${types.join(' or ')}`];
    throw wrongValue('BAD_MODEL', { culprit: this.#name(key), value: found, limit, remedy: CONVERT }, found);
  }

  #find(key: string): GgufValue | undefined {
    return this.#gguf.metadata[this.#name(key)];
  }

  #name(key: string): string {
    return COMMON_KEYS.test(key) ? key : `${this.architecture}.${key}`;
  }
}

/** llama.cpp reads flags as 0 and 1. */
function asNumber(value: unknown): number {
  return typeof value === 'boolean' ? Number(value) : (value as number);
}

/** Keys that don't begin with the architecture's name. */
const COMMON_KEYS = /^xielu\./;

function isUint32(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;
}

function isPositive(value: unknown): value is number {
  return isUint32(value) && value >= 1;
}

function isFinite(value: unknown): value is number {
  return Number.isFinite(value);
}

const CONVERT = 'The file is damaged or made by a foreign converter: convert the model again.';

function badKey(key: string, value: unknown, limit: string): PlannerError {
  return wrongValue('BAD_MODEL', { culprit: key, value, limit, remedy: CONVERT });
}
