/**
 * The built-in profiles against what ggml's own backends said of every tensor of recorded graphs: whether they compute it,
 * whether they take it from the CPU, and how many bytes it takes.
 */
import { describe, expect, it } from 'vitest';
import type { BufferType, BufferTypeOf, Device } from '../../src/device/device.js';
import type { Tensor } from '../../src/tensor/tensor.js';
import { describeShared, partOf } from '../support/shared.js';
import { bufferTypesOf, devicesOf } from '../support/recorded-devices.js';
import { listRawGraphs, readRawCase, readRawGraph, type RawGraph } from '../support/raw-graph.js';

/** A node as the message of a failure has it: operation, types and shapes. */
function described({ op, name, type, shape, sources }: Tensor): string {
  const layouts = sources.map((source) => (source === null ? '-' : `${source.type.name}[${source.shape.join()}]`));
  return `${name}: ${op}(${layouts.join(', ')}) → ${type.name}[${shape.join()}]`;
}

/** Every answer of a profile that differs from the recorded one. */
function mismatches(raw: RawGraph, devices: readonly Device[], types: readonly BufferType[]): string[] {
  const { header, tensors, records } = raw;
  const found: string[] = [];
  const ofName = new Map(types.map((type) => [type.name, type]));
  const typeOfTensor = new Map(tensors.map((tensor, id) => [tensor, ofName.get(records[id].bufferType ?? '') ?? null]));
  const bufferTypeOf: BufferTypeOf = (tensor) => typeOfTensor.get(tensor)!;
  for (const [id, tensor] of tensors.entries()) {
    const { supports, offloads, allocSizes } = records[id];
    for (const [index, device] of devices.entries()) {
      const compare = (what: string, ours: unknown, recorded: unknown): void => {
        if (ours === recorded) return;
        const said = `${String(ours)} instead of ${String(recorded)}`;
        found.push(`${device.name} ${what} ${said} for ${described(tensor)}`);
      };
      const isSupported = device.supports(tensor, bufferTypeOf);
      compare('supports', isSupported, supports[index]);
      // The scheduler asks the second question only after the first, and the recording does as well.
      compare('offloads', isSupported && device.offloads(tensor), offloads[index]);
      const type = ofName.get(header.bufts[index])!;
      compare('has bytes', type.sizeOf(tensor), allocSizes[index]);
    }
  }
  return found;
}

describeShared('profiles of devices', () => {
  describe.each(partOf(listRawGraphs()))('%s', (name) => {
    it('computes, takes and sizes what ggml does', () => {
      const raw = readRawGraph(name);
      const devices = devicesOf(readRawCase(name));
      expect(mismatches(raw, devices, bufferTypesOf(devices))).toEqual([]);
    });

    it('has the buffer types of ggml', () => {
      const { header } = readRawGraph(name);
      const devices = devicesOf(readRawCase(name));
      const types = new Map(bufferTypesOf(devices).map((type) => [type.name, type]));
      expect(devices.map((device) => device.name)).toEqual(header.names);
      for (const [index, buft] of header.bufts.entries()) {
        const { alignment, maxSize } = types.get(buft)!;
        expect({ buft, alignment, maxSize }).toEqual({
          buft,
          alignment: header.align[index],
          maxSize: header.max[index] ?? Infinity,
        });
      }
      for (const [buft, { host, by }] of Object.entries(header.buftInfo)) {
        const type = types.get(buft)!;
        expect(type.isHost, buft).toBe(host);
        expect(
          devices.map((device) => device.reads(type)),
          buft,
        ).toEqual(by.map((bit) => bit === 1));
      }
    });
  });
});
