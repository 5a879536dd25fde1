/**
 * The part of WebGPU's interface that the backend uses.
 *
 * Invariant: declared here and not taken from a library of types, so that a program compiles with any of them, and without. A
 * browser's `GPUDevice` has all of it; a test holds that.
 */
import { checkArgument } from '../../errors.js';

/** Anything that a device makes. */
export interface GpuObject {
  label: string;
}

/** A buffer of a device. */
export interface GpuBuffer extends GpuObject {
  /** Bytes. */
  readonly size: number;
  /** Frees its memory. */
  destroy(): void;
  /** Makes its bytes readable. */
  mapAsync(mode: number): Promise<void>;
  /** Its bytes, once they are mapped. */
  getMappedRange(): ArrayBuffer;
  /** Gives them back. */
  unmap(): void;
}

/** What a buffer is made of. */
export interface GpuBufferDescriptor {
  label?: string;
  /** Bytes. */
  size: number;
  usage: number;
}

/** One binding of a shader: bytes of a buffer. */
export interface GpuEntry {
  binding: number;
  /** `{ buffer, offset, size }`, in bytes. */
  resource: unknown;
}

/** How a shader sees the bytes of a binding. */
export interface GpuLayoutEntry {
  binding: number;
  visibility: number;
  buffer?: { type?: 'uniform' | 'storage' | 'read-only-storage' };
}

/** A pass that computes. */
export interface GpuComputePass {
  /** The kernel of the next dispatches. */
  setPipeline(pipeline: GpuObject): void;
  /** What they read and write. */
  setBindGroup(index: number, group: GpuObject | null | undefined): void;
  /** One dispatch. */
  dispatchWorkgroups(x: number, y?: number): void;
  /** Ends the pass. */
  end(): void;
}

/** A recorder of commands. */
export interface GpuEncoder<Buffer extends GpuBuffer> {
  /** A pass for dispatches. */
  beginComputePass(): GpuComputePass;
  /** A copy between two buffers; offsets and size in bytes. */
  copyBufferToBuffer(source: Buffer, sourceOffset: number, target: Buffer, targetOffset: number, size: number): void;
  /** What `submit` takes. */
  finish(): GpuObject;
}

/** What the backend asks of a device; a browser's `GPUDevice` has all of it. */
export interface GpuDevice<Buffer extends GpuBuffer = GpuBuffer> {
  readonly limits: { readonly maxComputeWorkgroupsPerDimension: number };
  readonly queue: {
    /** Writes a typed array, `data`, at a byte. */
    writeBuffer(buffer: Buffer, offset: number, data: unknown): void;
    /** Runs what was recorded. */
    submit(commands: Iterable<GpuObject>): void;
  };
  /** Memory, zeroed. */
  createBuffer(descriptor: GpuBufferDescriptor): Buffer;
  /** A kernel of WGSL. */
  createShaderModule(descriptor: { code: string; label?: string }): GpuObject;
  /** How a kernel binds. */
  createBindGroupLayout(descriptor: { entries: Iterable<GpuLayoutEntry> }): GpuObject;
  /** The bind groups of a kernel. */
  createPipelineLayout(descriptor: { bindGroupLayouts: Iterable<GpuObject | null | undefined> }): GpuObject;
  /** A kernel, ready to run. */
  createComputePipeline(descriptor: {
    label?: string;
    layout: unknown;
    compute: { module: GpuObject; entryPoint?: string };
  }): GpuObject;
  /** The bytes of one dispatch. */
  createBindGroup(descriptor: { label?: string; layout: GpuObject; entries: Iterable<GpuEntry> }): GpuObject;
  /** A recorder. */
  createCommandEncoder(): GpuEncoder<Buffer>;
}

/** `GPUBufferUsage`, which only browsers have. */
export const USAGE = { mapRead: 1, copySource: 4, copyTarget: 8, uniform: 64, storage: 128 } as const;

/** `GPUMapMode.READ`. */
export const MAP_READ = 1;

/** `GPUShaderStage.COMPUTE`. */
export const COMPUTE = 4;

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkDevice(device: unknown): void {
  const isDevice = typeof (Object(device) as Partial<GpuDevice>).createBuffer === 'function';
  checkArgument(isDevice, 'device', device, 'a GPUDevice', 'Give what `await adapter.requestDevice()` returns.');
}
