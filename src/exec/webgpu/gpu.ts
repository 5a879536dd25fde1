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
  destroy(): void;
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
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
  setPipeline(pipeline: GpuObject): void;
  setBindGroup(index: number, group: GpuObject | null | undefined): void;
  dispatchWorkgroups(x: number, y?: number): void;
  end(): void;
}

/** A recorder of commands. */
export interface GpuEncoder<Buffer extends GpuBuffer> {
  beginComputePass(): GpuComputePass;
  copyBufferToBuffer(source: Buffer, sourceOffset: number, target: Buffer, targetOffset: number, size: number): void;
  finish(): GpuObject;
}

/** What the backend asks of a device; a browser's `GPUDevice` has all of it. */
export interface GpuDevice<Buffer extends GpuBuffer = GpuBuffer> {
  readonly limits: { readonly maxComputeWorkgroupsPerDimension: number };
  readonly queue: {
    /** @param data a typed array */
    writeBuffer(buffer: Buffer, offset: number, data: unknown): void;
    submit(commands: Iterable<GpuObject>): void;
  };
  createBuffer(descriptor: GpuBufferDescriptor): Buffer;
  createShaderModule(descriptor: { code: string; label?: string }): GpuObject;
  createBindGroupLayout(descriptor: { entries: Iterable<GpuLayoutEntry> }): GpuObject;
  createPipelineLayout(descriptor: { bindGroupLayouts: Iterable<GpuObject | null | undefined> }): GpuObject;
  createComputePipeline(descriptor: {
    label?: string;
    layout: unknown;
    compute: { module: GpuObject; entryPoint?: string };
  }): GpuObject;
  createBindGroup(descriptor: { label?: string; layout: GpuObject; entries: Iterable<GpuEntry> }): GpuObject;
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
