/**
 * What llama.cpp prints of memory while it loads a model.
 *
 * Invariant: lines are told by their words, not by what stands before them, so that time stamps and the names of older
 * releases do no harm. What the log does not say is absent.
 */
import type { BufferPurpose } from './offload/buffers.js';

/** A printed size: all lines for one type of buffer and one purpose. */
export interface LogBuffer {
  readonly purpose: BufferPurpose;
  /** Such as `CUDA0` or `CPU_Mapped`. */
  readonly type: string;
  /** MiB, rounded to two decimals, one for each line. */
  readonly sizes: readonly number[];
}

/** A device that takes part. */
export interface LogDevice {
  /** Such as `CUDA0`. */
  readonly name: string;
  readonly freeMiB: number;
}

/** A row of the table of memory. All sizes in MiB, rounded down. */
export type MemoryRow = readonly [self: number, model: number, context: number, compute: number];

/** One model that was loaded, with its first context. */
export interface LogRun {
  readonly devices: LogDevice[];
  readonly buffers: LogBuffer[];
  /** Values by llama.cpp's names, such as `n_ctx`, as texts. */
  readonly settings: Map<string, string>;
  /** Facts of the model, such as `arch` and `n_layer`, as texts. */
  readonly model: Map<string, string>;
  /** Tensors that were put elsewhere, with the types of buffer. */
  readonly overrides: (readonly [tensor: string, type: string])[];
  /** Nodes or splits of the graph of a prompt, and of one token. */
  readonly graph: Map<'nodes' | 'splits', readonly [pp: number, tg: number]>;
  copies?: number;
  /** Rows of the table that llama.cpp prints when it ends, by name: MiB of all, and of its parts. */
  readonly table: Map<string, MemoryRow>;
  /** Layers on devices, and all; the output is one. */
  offloaded?: readonly [count: number, all: number];
}

/** A log. */
export interface LlamaLog {
  readonly runs: readonly LogRun[];
  /** The number of the release, if it is said. */
  readonly build?: number;
  /** The compute capability of each CUDA device, by its index. */
  readonly capabilities: ReadonlyMap<number, number>;
}

interface Reading {
  readonly run: LogRun;
  readonly match: RegExpExecArray;
}

interface LineKind {
  readonly pattern: RegExp;
  /**
   * When it is printed: a line of loading that stands behind the graph of a run belongs to another run. Default: before
   * the graph.
   */
  readonly stage?: 'loading' | 'running';
  readonly read: (reading: Reading) => void;
}

const addSize =
  (purpose: BufferPurpose) =>
  ({ run: { buffers }, match: [, name, size] }: Reading): void => {
    // Older releases called the first Metal device so.
    const type = name.replace(/^Metal(?=$|_)/, 'MTL0');
    const index = buffers.findIndex((each) => each.purpose === purpose && each.type === type);
    const sizes = [...(buffers[index]?.sizes ?? []), Number(size)];
    buffers.splice(index === -1 ? buffers.length : index, 1, { purpose, type, sizes });
  };

const addCounts =
  (key: 'nodes' | 'splits') =>
  ({ run, match: [, pp, tg = pp] }: Reading): void =>
    void run.graph.set(key, [Number(pp), Number(tg)]);

const LINES: readonly LineKind[] = [
  {
    pattern: /using device (\w+) .*- (\d+) MiB free/,
    stage: 'loading',
    read: ({ run, match: [, name, free] }) => void run.devices.push({ name, freeMiB: Number(free) }),
  },
  {
    pattern: /print_info: (arch|n_layer|n_embd|n_vocab) *= (\S+)/,
    stage: 'loading',
    read: ({ run, match: [, key, value] }) => void run.model.set(key, value),
  },
  {
    pattern: /offloaded (\d+)\/(\d+) layers/,
    stage: 'loading',
    read: ({ run, match: [, count, all] }) => void (run.offloaded = [Number(count), Number(all)]),
  },
  {
    pattern: /tensor (\S+) \(.*\) buffer type overridden to (\w+)/,
    stage: 'loading',
    read: ({ run, match: [, tensor, type] }) => void run.overrides.push([tensor, type]),
  },
  { pattern: /(\w+) +model buffer size = +([\d.]+) MiB/, stage: 'loading', read: addSize('weights') },
  {
    pattern: /llama_(?:context|init_from_model|new_context_with_model): +(\w+) += +(\S+)/,
    read: ({ run, match: [, key, value] }) => void run.settings.set(key, value),
  },
  {
    pattern: /size = +[\d.]+ MiB \( *\d+ cells, +\d+ layers, +(\d+)\/(\d+) seqs\), K \((\w+)\).*V \((\w+)\)/,
    read: ({ run: { settings }, match: [, sequences, streams, keys, values] }) => {
      settings.set('sequences', sequences).set('streams', streams).set('type_k', keys).set('type_v', values);
    },
  },
  {
    pattern: /creating +(non-SWA|SWA) KV cache, size = (\d+) cells/,
    read: ({ run, match: [, which, cells] }) => void run.settings.set(`${which} cells`, cells),
  },
  { pattern: /(\w+) +(?:KV|RS) buffer size = +([\d.]+) MiB/, read: addSize('context') },
  { pattern: /(\w+) +output buffer size = +([\d.]+) MiB/, read: addSize('output') },
  { pattern: /(\w+) +compute buffer size = +([\d.]+) MiB/, read: addSize('compute') },
  {
    pattern: /(\w+) +LoRA buffer size = +([\d.]+) MiB/,
    stage: 'running',
    read: addSize('adapters'),
  },
  {
    pattern: /sched copies = (\d+)/,
    stage: 'running',
    read: ({ run, match: [, copies] }) => void (run.copies ??= Number(copies)),
  },
  {
    // All, model, context and graph, as in "| - Host | 620 = 500 + 100 + 20 |".
    pattern: /\| +- (\w+).*\|.*?\b(\d+) = +(\d+) \+ +(\d+) \+ +(\d+)/,
    stage: 'running',
    read: ({ run, match: [, name, ...sizes] }) => {
      const [self, model, context, compute] = sizes.map(Number);
      run.table.set(name, [self, model, context, compute]);
    },
  },
  { pattern: /graph nodes += (\d+)(?: \(with bs=\d+\), (\d+) \(with bs=1\))?/, read: addCounts('nodes') },
  { pattern: /graph splits += (\d+)(?: \(with bs=\d+\), (\d+) \(with bs=1\))?/, read: addCounts('splits') },
];

const BUILD = /\bbuild(?:_info)?: *b?(\d{3,6})\b/;
const CAPABILITY = /Device (\d+): .*compute capability (\d+\.\d)/;
/** Every run with at least one printed buffer, in order. O(lines). */
export function parseLlamaLog(text: string): LlamaLog {
  const runs: LogRun[] = [];
  const capabilities = new Map<number, number>();
  let build: number | undefined;
  let run: LogRun | null = null;
  let isReserved = false;
  for (const line of text.split(/\r?\n/)) {
    build ??= BUILD.exec(line) === null ? undefined : Number(BUILD.exec(line)![1]);
    const capability = CAPABILITY.exec(line);
    if (capability !== null) capabilities.set(Number(capability[1]), Number(capability[2]));
    for (const { pattern, stage, read } of LINES) {
      const match = pattern.exec(line);
      if (match === null) continue;
      if (run === null || (stage === 'loading' && isReserved)) runs.push((run = emptyRun()));
      isReserved = run.graph.has('splits');
      // A further context of the same model, or buffers that are reserved again, are left out.
      if (!isReserved || stage === 'running') read({ run, match });
      isReserved = run.graph.has('splits');
      break;
    }
  }
  return { runs: runs.filter(({ buffers }) => buffers.length > 0), build, capabilities };
}

function emptyRun(): LogRun {
  return {
    devices: [],
    buffers: [],
    settings: new Map<string, string>(),
    model: new Map<string, string>(),
    overrides: [],
    graph: new Map<'nodes' | 'splits', readonly [pp: number, tg: number]>(),
    table: new Map<string, MemoryRow>(),
  };
}
