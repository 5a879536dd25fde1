/** A device without a GPU: its buffers hold bytes, and it counts what it makes. Nothing runs. */
import type { GpuBuffer, GpuBufferDescriptor, GpuDevice, GpuObject } from '../../../src/exec/webgpu/gpu.js';

export class FakeBuffer implements GpuBuffer {
  label: string;
  readonly size: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  isDestroyed = false;

  constructor({ label = '', size }: GpuBufferDescriptor) {
    this.label = label;
    this.size = size;
    this.bytes = new Uint8Array(size);
  }

  destroy(): void {
    this.isDestroyed = true;
  }

  mapAsync(): Promise<void> {
    return Promise.resolve();
  }

  getMappedRange(): ArrayBuffer {
    return this.bytes.buffer;
  }

  unmap(): void {
    // Its bytes stay readable.
  }
}

/** What was made, in order. */
export interface FakeDevice extends GpuDevice<FakeBuffer> {
  readonly buffers: FakeBuffer[];
  readonly shaders: string[];
  readonly groups: { binding: number; resource: { buffer: FakeBuffer; offset: number; size: number } }[][];
  readonly dispatches: (readonly [number, number])[];
}

const object = (label = ''): GpuObject => ({ label });

export function fakeDevice(mostWorkgroups = 65_535): FakeDevice {
  const made = {
    buffers: [] as FakeBuffer[],
    shaders: [] as string[],
    groups: [] as FakeDevice['groups'][number][],
    dispatches: [] as (readonly [number, number])[],
  };
  return {
    ...made,
    limits: { maxComputeWorkgroupsPerDimension: mostWorkgroups },
    queue: {
      writeBuffer: (buffer, offset, data) => {
        const bytes = data as Uint8Array;
        if (offset % 4 !== 0 || bytes.byteLength % 4 !== 0) throw new Error('no whole words');
        buffer.bytes.set(bytes, offset);
      },
      submit: () => undefined,
    },
    createBuffer: (descriptor) => {
      const buffer = new FakeBuffer(descriptor);
      made.buffers.push(buffer);
      return buffer;
    },
    createShaderModule: ({ code }) => {
      made.shaders.push(code);
      return object();
    },
    createBindGroupLayout: () => object(),
    createPipelineLayout: () => object(),
    createComputePipeline: ({ label }) => object(label),
    createBindGroup: ({ entries }) => {
      made.groups.push([...entries] as FakeDevice['groups'][number]);
      return object();
    },
    createCommandEncoder: () => ({
      beginComputePass: () => ({
        setPipeline: () => undefined,
        setBindGroup: () => undefined,
        dispatchWorkgroups: (x, y = 1) => void made.dispatches.push([x, y]),
        end: () => undefined,
      }),
      copyBufferToBuffer: (source, sourceOffset, target, targetOffset, size) => {
        if (sourceOffset % 4 !== 0 || size % 4 !== 0) throw new Error('no whole words');
        target.bytes.set(source.bytes.subarray(sourceOffset, sourceOffset + size), targetOffset);
      },
      finish: () => object(),
    }),
  };
}
