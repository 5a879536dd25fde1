/**
 * What Chromium says to bindings and copies, case by case as they were probed: the check accepts what it accepts, and
 * names the rule where it refuses.
 */
import { describe, expect, it } from 'vitest';
import {
  GUARANTEED_LIMITS,
  verifyWebGpuCommands,
  type BoundRange,
  type WebGpuCommand,
} from '../../src/webgpu/index.js';

const MIB = 2 ** 20;
const SIZE = 256 * MIB;
const BUFFERS = new Map([
  ['a', SIZE],
  ['b', 4096],
]);

const read = (offset: number, size?: number, buffer = 'a'): BoundRange => ({
  buffer,
  offset,
  access: 'read',
  ...(size === undefined ? {} : { size }),
});
const written = (offset: number, size?: number, buffer = 'a'): BoundRange => ({
  ...read(offset, size, buffer),
  access: 'read-write',
});
const dispatch = (...bindings: readonly BoundRange[]): WebGpuCommand => ({ kind: 'dispatch', bindings });
const copy = (from: string, to: string, size: number, offset = 0): WebGpuCommand => ({
  kind: 'copy',
  source: { buffer: from, offset },
  target: { buffer: to, offset: 2048 },
  size,
});
const ninth = (count: number): BoundRange[] => Array.from({ length: count }, (_, index) => written(512 * index, 256));

const VALID: Readonly<Record<string, readonly WebGpuCommand[]>> = {
  'two written ranges of one buffer, apart': [dispatch(written(0, 256), written(256, 256))],
  'two read ranges that overlap': [dispatch(read(0, 512), read(256, 512))],
  'one range, read twice': [dispatch(read(0, 512), read(0, 512))],
  'one range, written in two dispatches of one pass': [dispatch(written(0, 256)), dispatch(written(0, 256))],
  'two buffers that take turns': [
    dispatch(read(0, 256), written(0, 256, 'b')),
    dispatch(read(0, 256, 'b'), written(0, 256)),
  ],
  'two bindings of 128 MiB in one buffer of 256 MiB': [dispatch(written(0, 128 * MIB), written(128 * MIB, 128 * MIB))],
  'eight bindings': [dispatch(...ninth(8))],
  'a copy from one buffer to another': [copy('a', 'b', 64)],
  'an upload and a read-back': [
    { kind: 'upload', buffer: 'b', offset: 4, size: 8 },
    { kind: 'read-back', buffer: 'b', offset: 0, size: 4096 },
  ],
};

const INVALID: Readonly<Record<string, readonly [rule: string, ...commands: readonly WebGpuCommand[]]>> = {
  'two written ranges that are one': ['aliasing', dispatch(written(0, 256), written(0, 256))],
  'two written ranges that overlap by 4 bytes': ['aliasing', dispatch(written(0, 260), written(256, 256))],
  'a small written range within a large one': [
    'aliasing',
    dispatch(written(0, 4096), written(256, 4), written(2048, 4)),
  ],
  'a written range without a size, and one behind it': ['binding-size', dispatch(written(0), written(4096, 256))],
  'a range that is read, beside one that is written': ['mixed-access', dispatch(read(0, 256), written(256, 256))],
  'an offset of 128': ['binding-offset', dispatch(written(128, 256))],
  'an offset below 0': ['binding-offset', dispatch(written(-256, 512))],
  'a size of 6': ['binding-size', dispatch(written(0, 6))],
  'a size of 0': ['binding-size', dispatch(written(0, 0))],
  'a range behind the end of its buffer': ['binding-size', dispatch(written(3840, 512, 'b'))],
  'a range larger than a binding': ['binding-size', dispatch(written(0, 128 * MIB + 4))],
  'nine bindings': ['binding-count', dispatch(...ninth(9))],
  'a copy within one buffer': ['copy-within-buffer', copy('a', 'a', 64)],
  'a copy of 6 bytes': ['transfer-size', copy('a', 'b', 6)],
  'a copy from byte 2 on': ['transfer-size', copy('a', 'b', 8, 2)],
  'an upload of 6 bytes': ['transfer-size', { kind: 'upload', buffer: 'b', offset: 0, size: 6 }],
  'a read-back from byte 2 on': ['transfer-size', { kind: 'read-back', buffer: 'b', offset: 2, size: 4 }],
  'a read-back behind the end': ['transfer-size', { kind: 'read-back', buffer: 'b', offset: 4096, size: 4 }],
};

describe('a case that Chromium accepts:', () => {
  it.each(Object.entries(VALID))('%s', (_, commands) => {
    expect(verifyWebGpuCommands(commands, BUFFERS)).toEqual([]);
  });

  it('a buffer as large as a device allows', () => {
    expect(verifyWebGpuCommands([], new Map([['a', GUARANTEED_LIMITS.maxBufferSize]]))).toEqual([]);
  });
});

describe('a case that Chromium refuses:', () => {
  it.each(Object.entries(INVALID))('%s', (_, [rule, ...commands]) => {
    const found = verifyWebGpuCommands([dispatch(written(0, 256)), ...commands], BUFFERS);
    expect(found.map((each) => each.rule)).toContain(rule);
    expect(new Set(found.map(({ command }) => command))).toEqual(new Set([1]));
    for (const each of found) expect(each.message).toMatch(new RegExp(`^${each.rule}: command 1, .*\\d`));
  });

  it('a buffer larger than a device allows', () => {
    const [found, ...others] = verifyWebGpuCommands([], new Map([['a', SIZE + 4]]));
    expect(found).toMatchObject({ rule: 'buffer-size', node: null, command: null });
    expect(others).toEqual([]);
  });
});

it('takes the limits of the device', () => {
  const limits = { maxStorageBuffersPerShaderStage: 10, minStorageBufferOffsetAlignment: 32 };
  expect(verifyWebGpuCommands([dispatch(...ninth(9)), dispatch(written(32, 4))], BUFFERS, limits)).toEqual([]);
});
