/** Devices as people write them. */
import { describe, expect, it } from 'vitest';
import { parseDevice, parseDevices } from '../../src/device/parse.js';
import { expectError } from '../support/expect-error.js';

const GIB = 2 ** 30;

describe('a device in words', () => {
  it.each([
    ['cuda:24GiB', { name: 'CUDA0', totalBytes: 24 * GIB, freeBytes: 24 * GIB }],
    ['cuda:24GiB/22.5GiB', { name: 'CUDA0', totalBytes: 24 * GIB, freeBytes: 22.5 * GIB }],
    ['cuda:24GiB/22.5GiB:8.9', { name: 'CUDA0', totalBytes: 24 * GIB, freeBytes: 22.5 * GIB }],
    ['cuda:25769803776/25297944576', { name: 'CUDA0', totalBytes: 24 * GIB, freeBytes: 25297944576 }],
    ['CUDA : 12 GB : 12.0', { name: 'CUDA0', totalBytes: 12e9, freeBytes: 12e9 }],
    ['metal:64GiB', { name: 'MTL0', totalBytes: 64 * GIB, freeBytes: 64 * GIB }],
    ['webgpu:4GiB', { name: 'WebGPU', totalBytes: 4 * GIB, freeBytes: 4 * GIB }],
    ['vulkan:8GiB', { name: 'Vulkan0', totalBytes: 8 * GIB, freeBytes: 8 * GIB }],
  ])('%s', (text, expected) => {
    expect(parseDevice(text)).toMatchObject(expected);
  });

  it('counts the devices of each profile', () => {
    const devices = parseDevices(['cuda:24GiB', 'vulkan:8GiB', 'CUDA:12GiB', 'metal:48GiB', 'cuda:8GiB']);
    expect(devices.map(({ name }) => name)).toEqual(['CUDA0', 'Vulkan0', 'CUDA1', 'MTL0', 'CUDA2']);
    expect(devices.map(({ bufferType }) => bufferType.name)).toEqual(devices.map(({ name }) => name));
  });

  it.each([
    ['cud:24GiB', 'The device "cud:24GiB" names the profile "cud", which there is not, but there is cuda.'],
    ['rocm:24GiB', 'The device "rocm:24GiB" names the profile "rocm", which there is not.'],
    ['toString:24GiB', 'The device "toString:24GiB" names the profile "toString", which there is not.'],
    ['24GiB', 'The device "24GiB" names the profile "24GiB", which there is not.'],
    ['cuda', 'The device "cuda" has no memory.'],
    ['cuda:', 'The device "cuda:" has no memory.'],
    ['cuda:24', 'The device "cuda:24" has memory without a unit, 24. Write 24GiB, or 24B if you mean 24 bytes.'],
    ['cuda:24GiB/22', 'The device "cuda:24GiB/22" has memory without a unit, 22.'],
    ['cuda:lots', 'The device "cuda:lots" has "lots" as its memory.'],
    ['cuda:-1GiB', 'The device "cuda:-1GiB" has "-1GiB" as its memory.'],
    ['cuda:24GiB/', 'The device "cuda:24GiB/" has "" as its memory.'],
    ['cuda:24GiB/1GiB/1GiB', 'The device "cuda:24GiB/1GiB/1GiB" has more than two sizes.'],
    ['cuda:24GiB:8.9:x', 'The device "cuda:24GiB:8.9:x" has 4 parts.'],
    ['cuda:24GiB:ada', 'The device "cuda:24GiB:ada" has "ada" as its compute capability. Write a number such as 8.9.'],
    ['metal:64GiB:3', 'The device "metal:64GiB:3" has "3" behind its memory.'],
  ])('%s is an error', (text, message) => {
    expect(expectError('BAD_ARGUMENT', 'device', () => parseDevice(text)).message).toContain(message);
  });

  it('says what is wrong with the device itself', () => {
    const ofText = (culprit: string, text: string): string =>
      expectError('BAD_ARGUMENT', culprit, () => parseDevice(text, 1)).message;
    expect(ofText('compute capability of CUDA1', 'cuda:24GiB:8.8')).toContain('is 8.8, but must be one of 5.0, ');
    expect(ofText('free memory of CUDA1', 'cuda:1GiB/2GiB')).toContain('is 2147483648, but must be a whole number');
    expect(ofText('free memory of Vulkan1', 'vulkan:0B')).toContain(
      'The free memory of Vulkan1 is 0 bytes, which is no room for a single tensor.',
    );
  });

  it('is the only one of a browser', () => {
    const error = expectError('BAD_ARGUMENT', 'number of webgpu devices', () =>
      parseDevices(['webgpu:4GiB', 'webgpu:4GiB']),
    );
    expect(error.message).toContain('The number of webgpu devices is 2, but must be 1.');
  });

  it('is a text', () => {
    expectError('BAD_ARGUMENT', 'device', () => parseDevice(24 as unknown as string));
  });
});
