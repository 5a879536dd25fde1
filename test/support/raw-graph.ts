/**
 * Graphs as llama.cpp's scheduler got them on other machines than a CPU, with what every backend said of every tensor.
 *
 * Invariant: nothing is filled in but the kinds of `UNARY` and `GLU` nodes, which the recordings leave out; settings of
 * operations are absent. The ids of tensors are those of the recording: nodes, leafs, then other tensors referred to.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { findOperation } from '../../src/dialects/ggml/operations.js';
import { Graph } from '../../src/graph/graph.js';
import { elementTypeOfGguf } from '../../src/tensor/element-type.js';
import { unknownOperation, type Operation } from '../../src/tensor/operation.js';
import { Origin, Tensor, type ReuseRule } from '../../src/tensor/tensor.js';
import { sharedIsPresent, sharedPath } from './shared-data.js';

/** What a recording says of one tensor. */
export interface RawRecord {
  readonly name: string;
  /** ggml's operation, before `UNARY` and `GLU` are told apart. */
  readonly op: string;
  /** A sum of 1 (input), 2 (output) and 16 (computed). */
  readonly flags: number;
  /** Id of the tensor that owns the storage; -1 for the owners. */
  readonly root: number;
  /** Type of the tensor's own buffer; null if it has none. */
  readonly bufferType: string | null;
  /** Whether that buffer holds weights. */
  readonly isWeight: boolean;
  /** By backend: whether it computes the node, whether it takes it from the CPU, and what a tensor of its own takes there. */
  readonly supports: readonly boolean[];
  readonly offloads: readonly boolean[];
  readonly allocSizes: readonly number[];
  /** The backend that the node is fixed to; -1 for none. */
  readonly pinned: number;
  readonly sources: readonly number[];
}

/** What a recording says of its backends. */
export interface RawHeader {
  readonly nodes: number;
  readonly leafs: number;
  readonly nBackends: number;
  readonly names: readonly string[];
  /** By backend: the buffer type of its results. */
  readonly bufts: readonly string[];
  readonly align: readonly number[];
  /** Most bytes of one buffer; null without a limit. */
  readonly max: readonly (number | null)[];
  readonly copies: number;
  readonly opOffload: boolean;
  readonly buftInfo: Readonly<Record<string, { readonly host: boolean; readonly by: readonly (0 | 1)[] }>>;
}

export interface RawGraph {
  readonly header: RawHeader;
  readonly graph: Graph;
  /** By id of the recording. */
  readonly tensors: readonly Tensor[];
  readonly records: readonly RawRecord[];
}

/** What the fixture of a whole case says of the machine. */
export interface DeviceCase {
  readonly meta: {
    readonly name: string;
    readonly args: readonly string[];
    readonly profile: 'cuda' | 'metal' | 'vulkan' | 'cpu';
    readonly devices: readonly { readonly name: string; readonly total: number; readonly free: number }[];
    /** Features of the CPU, where weights may be repacked. */
    readonly cpu?: string;
  };
}

type RawRow = readonly [
  name: string,
  op: string,
  flags: number,
  root: number,
  bufferType: string | null,
  isWeight: 0 | 1,
  supports: string,
  offloads: string,
  allocSizes: readonly number[],
  pinned: number,
  inPlace: 0 | 1,
  sources: readonly number[],
  type: number,
  ne: readonly [number, number, number, number],
  nb: readonly [number, number, number, number],
  viewOffset: number,
  hasData: 0 | 1,
];

/** The names of all raw graphs, sorted: `raw/llama-3.1-8b.gpu1-all.pp`, `repack/gemma-2-2b.cpu.tg`; none without data. */
export function listRawGraphs(): string[] {
  if (!sharedIsPresent) return [];
  return ['raw', 'repack'].flatMap((folder) =>
    readdirSync(sharedPath('devices', folder))
      .flatMap((file) => /^(.+\.(?:pp|tg))(?:\.raw)?\.json\.gz$/.exec(file)?.[1] ?? [])
      .map((name) => `${folder}/${name}`)
      .sort(),
  );
}

/** One of {@link listRawGraphs} as a graph, with the recording beside it. */
export function readRawGraph(name: string): RawGraph {
  const { t: rows, ...header } = parse(name.startsWith('raw/') ? name : `${name}.raw`) as RawHeader & { t: RawRow[] };
  const tensors = new RawTensors(rows, name).build();
  const nodes = tensors.slice(0, header.nodes);
  const graph = new Graph({ nodes, leafs: tensors.slice(header.nodes) });
  return { header, graph, tensors, records: rows.map(recordOf) };
}

/** The whole case that a raw graph belongs to: what llama.cpp made of it. */
export function readRawCase(name: string): DeviceCase & Readonly<Record<string, unknown>> {
  return parse(name.replace(/^raw\//, '').replace(/\.(pp|tg)$/, '')) as DeviceCase & Record<string, unknown>;
}

function parse(name: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(sharedPath('devices', `${name}.json.gz`))).toString('utf8'));
}

function recordOf(row: RawRow): RawRecord {
  const [name, op, flags, root, bufferType, isWeight, supports, offloads, allocSizes, pinned, , sources] = row;
  const bits = (text: string): boolean[] => Array.from(text, (bit) => bit === '1');
  return {
    ...{ name, op, flags, root, bufferType, allocSizes, pinned, sources },
    isWeight: isWeight === 1,
    supports: bits(supports),
    offloads: bits(offloads),
  };
}

/** Makes tensors after what they need, whatever their ids. */
class RawTensors {
  readonly #rows: readonly RawRow[];
  readonly #model: string;
  readonly #made: (Tensor | undefined)[];
  readonly #origin = new Origin('ggml');

  constructor(rows: readonly RawRow[], name: string) {
    this.#rows = rows;
    this.#model = name.replace(/^\w+\//, '');
    this.#made = new Array<Tensor | undefined>(rows.length);
  }

  build(): Tensor[] {
    return this.#rows.map((_, id) => this.#tensor(id));
  }

  /** Recursive: a node needs leafs, its root, and earlier nodes, which have been made before it. */
  #tensor(id: number): Tensor {
    return (this.#made[id] ??= this.#make(this.#rows[id]));
  }

  #make(row: RawRow): Tensor {
    const [name, op, flags, root, bufferType, , , , , , inPlace, sources, type, shape, strides, offset] = row;
    const operation = op === 'NONE' ? null : operationOf(op, name, this.#model);
    const tensor = new Tensor({
      origin: this.#origin,
      ...{ name, operation, shape, strides },
      type: elementTypeOfGguf(type)!,
      sources: sources.map((source) => (source === -1 ? null : this.#tensor(source))),
      memory: bufferType === null ? 'deferred' : 'virtual',
      view: root === -1 ? undefined : { of: this.#tensor(root), offset },
      reuseRule: reuseRuleOf(operation, inPlace === 1),
    });
    if (flags % 2 === 1) this.#origin.markInput(tensor);
    if (Math.floor(flags / 2) % 2 === 1) this.#origin.markOutput(tensor);
    return tensor;
  }
}

/** Given only where the recording deviates from the operation's row. */
function reuseRuleOf(operation: Operation | null, inPlace: boolean): ReuseRule | undefined {
  if (inPlace === (operation?.ggmlInPlace ?? false)) return undefined;
  return { ggml: inPlace, operands: operation?.overwrites ?? [] };
}

/** The kinds of `UNARY` and `GLU` nodes, by the names that the models give them, and of nodes without a name by model. */
const KINDS: readonly (readonly [op: string, name: RegExp, model: RegExp, kind: string])[] = [
  ['GLU', /swiglu_oai/, /^/, 'SWIGLU_OAI'],
  ['GLU', /swiglu/, /^/, 'SWIGLU'],
  ['GLU', /geglu/, /^/, 'GEGLU'],
  ['GLU', /^node_/, /^mamba/, 'SWIGLU'],
  ['UNARY', /gelu/, /^/, 'GELU'],
  ['UNARY', /^node_/, /^mamba/, 'SILU'],
  ['UNARY', /^node_/, /^gemma-2/, 'TANH'],
];

function operationOf(op: string, name: string, model: string): Operation {
  const row = KINDS.find(([each, ofName, ofModel]) => each === op && ofName.test(name) && ofModel.test(model));
  const known = row?.[3] ?? op;
  return findOperation(known) ?? unknownOperation(known);
}
