/** The parts of the web page that need no browser, and what holds for its sources. */
import { readFileSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ALLOCATORS, elementType } from '../../src/index.js';
import { CACHE_TYPES } from '../../src/models/index.js';
import { projectPath } from '../support/shared.js';
import { formatLink, parseLink } from '../../web/link.js';
import type { Job, Reply } from '../../web/messages.js';
import { contextStops, nearestStop } from '../../web/page/context-stops.js';
import { compared } from '../../web/page/format.js';
import { moved, rangeOf } from '../../web/page/layer-bar.js';
import { PRESETS, readMachine } from '../../web/machines.js';
import { ALLOCATOR_NAMES, DEFAULTS, planDependsOn, type Settings } from '../../web/settings.js';
import { WorkerQueue } from '../../web/worker-queue.js';

describe('sources of the page', () => {
  const files = readdirSync(projectPath('web'), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts') && !path.startsWith('dist/') && path !== 'vite.config.ts');

  it('use the library by its public names alone', () => {
    expect(files).toContain('worker/worker.ts');
    const imports = files.flatMap((path) => {
      const text = readFileSync(projectPath('web', path), 'utf8');
      return [...text.matchAll(/(?:from|import\() ?'([^']+)'/g)].map(([, name]) => name);
    });
    const others = imports.filter(
      (name) => !/^tensor-arena(\/(device|gguf|map|models|onnx|tflite|viewer))?$/.test(name),
    );
    expect(others.filter((name) => !name.startsWith('.') || name.includes('src/'))).toEqual([]);
  });

  it('know the allocators and types of the library', () => {
    expect([...ALLOCATOR_NAMES].sort()).toEqual(Object.keys(ALLOCATORS).sort());
    for (const type of CACHE_TYPES) expect(elementType(type).name).toBe(type);
  });
});

describe('links', () => {
  const settings: Settings = {
    ...DEFAULTS,
    ...{ context: 8192, ubatch: 64, keyType: 'q8_0', valueType: 'q4_1', flashAttention: false },
    ...{ modelAllocator: 'auto', memory: 2.5, reserve: 0.5 },
    ...{ program: 'bench', sequences: 3, unified: true, outputs: 7 },
  };

  it('hold all settings that matter to the file', () => {
    const model = { example: null, file: 'a b&c.gguf', settings };
    expect(parseLink(formatLink(model))).toEqual(model);
    const graph: Settings = { ...DEFAULTS, allocator: 'greedy-by-size', inPlace: 'off', memory: 0.5 };
    const link = { example: 'attention.json', file: null, settings: graph };
    expect(parseLink(formatLink(link))).toEqual(link);
    expect(formatLink(link)).not.toContain('ubatch');
    const dims = { batch: 1, 'input.0': 640, 'a=b&c': 7 };
    const network = { example: null, file: 'detector.onnx', settings: { ...graph, dims } };
    expect(parseLink(formatLink(network))).toEqual(network);
  });

  it.each(['0', '-1', '1.5', '1e3', '99999999999', ''])('leave out the length %j, which is none', (length) => {
    expect(parseLink(`#file=a.onnx&dim.batch=${length}&dim.width=64`).settings.dims).toEqual({ width: 64 });
  });

  it('hold a machine only where there is one, and never one that cannot be read', () => {
    const machine: Settings = {
      ...settings,
      ...{ machine: 'cuda:24GiB/22.5GiB:8.9 cuda:12GiB', layers: 20, hostExperts: 3, split: '6,14' },
      ...{ cards: 1, kvOffload: false, margin: 0.5 },
    };
    const link = { example: null, file: 'a.gguf', settings: machine };
    expect(parseLink(formatLink(link))).toEqual(link);
    expect(formatLink({ ...link, settings: { ...machine, machine: '' } })).not.toContain('layers');
    const wrong = '#machine=quda:1GiB&layers=-1&split=0,0&cards=99&margin=x&hostExperts=1.5';
    expect(parseLink(wrong).settings).toEqual(DEFAULTS);
    expect(parseLink(`#machine=${'cuda:1GiB '.repeat(16)}`).settings.machine).toBe('');
  });

  it.each([8e9 / 2 ** 30, 7.4505806, 1e-7, 0, 1024])('hold %d GiB to the last digit', (memory) => {
    const link = { example: null, file: 'a.gguf', settings: { ...settings, memory } };
    expect(parseLink(formatLink(link))).toEqual(link);
  });

  it.each([
    '',
    '#',
    '#context=-1&ubatch=1e9&memory=NaN&keyType=x&inPlace=__proto__',
    '#context=99999999999&ubatch=0&memory=1e999&allocator=constructor',
    '#context=1.5&%%%&modelAllocator=greedy-by-size',
  ])('read %j as the defaults', (hash) => {
    expect(parseLink(hash).settings).toEqual(DEFAULTS);
  });
});

describe('machines', () => {
  const presets = PRESETS.flatMap((group) => group.presets);

  it('can all be read, and are each in the list once', () => {
    for (const { machine } of presets) expect(readMachine(machine).length).toBeGreaterThan(0);
    expect(new Set(presets.map(({ machine }) => machine)).size).toBe(presets.length);
    expect(new Set(presets.map(({ label }) => label)).size).toBe(presets.length);
  });

  it('leave a Mac less for the GPU than it has', () => {
    const macs = presets.filter(({ shared }) => shared !== undefined);
    expect(macs.length).toBeGreaterThan(0);
    for (const { machine, shared } of macs) {
      const [{ totalBytes }] = readMachine(machine);
      expect(totalBytes / (shared! * 2 ** 30)).toBeGreaterThan(0.66);
      expect(totalBytes / (shared! * 2 ** 30)).toBeLessThanOrEqual(0.75);
    }
  });

  it('need another plan where something is chosen by the room', () => {
    const on = { ...DEFAULTS, machine: 'cuda:24GiB', context: 4096, layers: 20 };
    expect(planDependsOn({ margin: 2 }, on, 'model')).toBe(false);
    expect(planDependsOn({ margin: 2 }, { ...on, layers: 'auto' }, 'model')).toBe(true);
    expect(planDependsOn({ memory: 2 }, { ...on, layers: 'auto' }, 'model')).toBe(false);
    expect(planDependsOn({ memory: 2 }, DEFAULTS, 'model')).toBe(true);
    expect(planDependsOn({ memory: 2 }, DEFAULTS, 'graph')).toBe(false);
    expect(planDependsOn({ layers: 3 }, on, 'model')).toBe(true);
  });
});

it('borders of layers move between their neighbours only', () => {
  expect(moved([3, 10, 20], 1, 8)).toEqual([3, 5, 25]);
  expect(moved([3, 10, 20], 1, -Infinity)).toEqual([3, 0, 30]);
  expect(moved([3, 10, 20], 0, 99)).toEqual([13, 0, 20]);
  expect(rangeOf([3, 10, 20], 1)).toEqual({ least: 3, most: 33, now: 13 });
});

describe('the context slider', () => {
  it.each([256, 300, 512, 4096, 131_072, 1_048_576])('ends at %i, in ascending steps', (trained) => {
    const stops = contextStops(trained);
    expect(stops.at(-1)).toBe(trained);
    expect([...stops].sort((a, b) => a - b)).toEqual(stops);
    expect(new Set(stops).size).toBe(stops.length);
    expect(stops.slice(0, -1).every((tokens) => tokens % 256 === 0)).toBe(true);
    stops.forEach((tokens, index) => expect(nearestStop(stops, tokens)).toBe(index));
  });

  it('has every power of two', () => {
    expect(contextStops(131_072)).toEqual(expect.arrayContaining([256, 512, 1024, 4096, 8192, 65_536]));
  });
});

it('compares sizes as far as they can be read', () => {
  expect(compared(75, 100)).toBe('25.0 % less than');
  expect(compared(150, 100)).toBe('50.0 % more than');
  expect(compared(2 ** 30 + 1, 2 ** 30)).toBe('as much as');
});

describe('a worker queue', () => {
  class FakeWorker extends EventTarget {
    static readonly all: FakeWorker[] = [];
    readonly jobs: Job[] = [];
    terminated = false;

    constructor() {
      super();
      FakeWorker.all.push(this);
    }

    postMessage(job: Job): void {
      this.jobs.push(job);
    }

    terminate(): void {
      this.terminated = true;
    }

    reply(): void {
      this.dispatchEvent(new MessageEvent('message', { data: { task: 'svg', text: '' } satisfies Reply }));
    }
  }

  const job = (id: number): Job => ({
    task: 'svg',
    source: { id, name: '', kind: 'graph', content: '' },
    settings: DEFAULTS,
  });
  const ids = (jobs: readonly Job[]): number[] => jobs.map(({ source }) => source.id);
  let answered: { id: number; reply: Reply }[];
  let queue: WorkerQueue;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('Worker', FakeWorker);
    FakeWorker.all.length = 0;
    answered = [];
    queue = new WorkerQueue(({ source }, reply) => answered.push({ id: source.id, reply }));
  });

  afterEach(() => {
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  it('runs the newest of all that wait', () => {
    for (const id of [1, 2, 3, 4]) queue.ask(job(id));
    const [worker] = FakeWorker.all;
    worker.reply();
    worker.reply();
    expect(ids(worker.jobs)).toEqual([1, 4]);
    expect(answered.map(({ id }) => id)).toEqual([1, 4]);
    queue.ask(job(5));
    expect(ids(worker.jobs)).toEqual([1, 4, 5]);
  });

  it('replaces a worker that holds up a newer job for too long, and only then', () => {
    queue.ask(job(1));
    vi.advanceTimersByTime(60_000);
    expect(FakeWorker.all).toHaveLength(1);
    queue.ask(job(2));
    vi.advanceTimersByTime(60_000);
    expect(FakeWorker.all.map(({ terminated }) => terminated)).toEqual([true, false]);
    expect(ids(FakeWorker.all[1].jobs)).toEqual([2]);
  });

  it('answers for a worker that dies, and starts another', () => {
    queue.ask(job(1));
    queue.ask(job(2));
    FakeWorker.all[0].dispatchEvent(Object.assign(new Event('error'), { message: 'out of memory' }));
    expect(answered).toMatchObject([{ id: 1, reply: { task: 'failure' } }]);
    expect(ids(FakeWorker.all[1].jobs)).toEqual([2]);
  });

  it('forgets what is cancelled', () => {
    queue.ask(job(1));
    queue.ask(job(2));
    queue.cancel();
    expect(FakeWorker.all[0].terminated).toBe(true);
    queue.ask(job(3));
    expect(ids(FakeWorker.all[1].jobs)).toEqual([3]);
  });
});
