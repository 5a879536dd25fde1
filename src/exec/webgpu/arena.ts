/**
 * The buffers of a plan on a GPU: one for each chunk, and one for each tensor that no plan places, such as weights and caches.
 *
 * Invariant: every buffer is a multiple of 4 bytes long, as is every range that is written or read. A chunk that grows is
 * another buffer, and what lay in it is lost; buffers of tensors stay.
 */
import { checkArgument, PlannerError, subject } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { requireTensor } from '../../tensor/require-tensor.js';
import { WEBGPU_STEP as WORD } from '../../runtime/webgpu-limits.js';
import { alignUp, checkBytes } from '../../units.js';
import type { OutsidePlace } from '../../webgpu/places.js';
import { transferAt } from '../../webgpu/transfer.js';
import { checkDevice, MAP_READ, USAGE, type GpuBuffer, type GpuDevice } from './gpu.js';

const ARENA_USAGE = USAGE.storage + USAGE.copySource + USAGE.copyTarget;

/**
 * Memory of a device for plans that run one at a time, and for the tensors that they share.
 *
 * @example
 * ```ts
 * import { Planner } from 'tensor-arena';
 * import { GpuArena, type GpuBuffer, type GpuDevice } from 'tensor-arena/webgpu';
 * // A page gives its GPUDevice; the buffers are GPUBuffers then.
 * export function memoryFor<B extends GpuBuffer>(device: GpuDevice<B>, planner: Planner): GpuArena<B> {
 *   return new GpuArena(device).reserve(planner.chunks);
 * }
 * ```
 */
export class GpuArena<Buffer extends GpuBuffer = GpuBuffer> {
  readonly device: GpuDevice<Buffer>;
  #chunks: readonly Buffer[] = [];
  readonly #statics = new Map<Tensor, Buffer>();
  #bytesCreated = 0;
  #generation = 0;

  /** @throws PlannerError `BAD_ARGUMENT` */
  constructor(device: GpuDevice<Buffer>) {
    checkDevice(device);
    this.device = device;
  }

  /** Bytes of all buffers that were ever made here, those that have been replaced included. */
  get bytesCreated(): number {
    return this.#bytesCreated;
  }

  /** Bytes of the buffers that there are now. */
  get bufferSize(): number {
    return [...this.#chunks, ...this.#statics.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Grows whenever a chunk is replaced: what was bound before is gone then. */
  get generation(): number {
    return this.#generation;
  }

  /** The buffer of each chunk. */
  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /**
   * Makes room for the chunks of a plan or planner, each at least so many bytes long. A buffer that is large enough stays;
   * another one takes the place of a smaller one, whose contents are lost. O(chunks).
   *
   * @param chunks bytes of each
   * @throws PlannerError `BAD_ARGUMENT`, `BYTES_TOO_LARGE`
   */
  reserve(chunks: readonly number[]): this {
    const isList: boolean = Array.isArray(chunks);
    checkArgument(isList, 'chunks', chunks, 'a list of sizes', 'Give `plan.chunks`.');
    chunks.forEach((size, index) => checkBytes(size, `chunks[${index}]`));
    const count = Math.max(chunks.length, this.#chunks.length);
    this.#chunks = Array.from({ length: count }, (_, index) => {
      const held = this.#chunks.at(index);
      const size = chunks[index] ?? 0;
      if (held !== undefined && held.size >= size) return held;
      held?.destroy();
      this.#generation++;
      return this.#create(size, `chunk ${index}`);
    });
    return this;
  }

  /**
   * The buffer of the storage that a tensor owns or looks into, which no plan places: a weight, or a cache. It is made at the
   * first call, with the values of an immediate tensor.
   *
   * @throws PlannerError `BAD_ARGUMENT` for a deferred tensor
   */
  bufferOf(tensor: Tensor): Buffer {
    requireTensor(tensor);
    const { root } = tensor;
    const held = this.#statics.get(root);
    if (held !== undefined) return held;
    const isStatic = root.memory !== 'deferred';
    const remedy = 'Write it through the program of its plan.';
    checkArgument(isStatic, 'tensor', tensor.label, 'one that no plan places, such as a weight', remedy);
    const buffer = this.#create(root.storageBytes, root.name);
    this.#statics.set(root, buffer);
    if (root.bytes !== null) this.write(root, { buffer, offset: 0 }, root.bytes);
    return buffer;
  }

  /** The buffer of a storage that no plan places, as `bindingsOf` asks for it. @throws PlannerError as {@link bufferOf} */
  readonly outside = (owner: Tensor): OutsidePlace<Buffer> => ({ buffer: this.bufferOf(owner), offset: 0 });

  /**
   * Writes all bytes of a tensor that no plan places; those of a planned one are written through its program.
   *
   * @throws PlannerError `BAD_ARGUMENT` unless there are as many bytes as the tensor has
   */
  upload(tensor: Tensor, data: ArrayBufferView): void {
    this.write(tensor, this.outside(tensor), data);
  }

  /** The bytes of a tensor that no plan places, when everything that was submitted before has run. */
  download(tensor: Tensor): Promise<ArrayBuffer> {
    return this.read(tensor, this.outside(tensor));
  }

  /** As {@link upload}, of a tensor whose storage is at `place`. */
  write(tensor: Tensor, place: OutsidePlace<Buffer>, data: ArrayBufferView): void {
    requireTensor(tensor);
    const { byteLength, viewOffset, root } = tensor;
    checkData(tensor, data);
    const { offset, size, residual } = transferAt(tensor, place.offset);
    // Only padding may follow within the last word.
    const isLast = viewOffset + byteLength === root.byteLength;
    if (residual > 0 || (size > byteLength && !isLast)) rejectRange(tensor);
    const padded = new Uint8Array(size);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, byteLength));
    if (size > 0) this.device.queue.writeBuffer(place.buffer, offset, padded);
  }

  /** As {@link download}, of a tensor whose storage is at `place`. */
  async read(tensor: Tensor, place: OutsidePlace<Buffer>): Promise<ArrayBuffer> {
    const { offset, size, residual } = transferAt(tensor, place.offset);
    if (tensor.byteLength === 0) return new ArrayBuffer(0);
    const staging = this.device.createBuffer({ size, usage: USAGE.mapRead + USAGE.copyTarget });
    const encoder = this.device.createCommandEncoder();
    encoder.copyBufferToBuffer(place.buffer, offset, staging, 0, size);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_READ);
    const bytes = staging.getMappedRange().slice(residual, residual + tensor.byteLength);
    staging.destroy();
    return bytes;
  }

  /** Gives all buffers back. */
  destroy(): void {
    for (const buffer of [...this.#chunks, ...this.#statics.values()]) buffer.destroy();
    this.#chunks = [];
    this.#statics.clear();
    this.#generation++;
  }

  #create(bytes: number, label: string): Buffer {
    const size = Math.max(WORD, alignUp(bytes, WORD));
    this.#bytesCreated += size;
    return this.device.createBuffer({ label, size, usage: ARENA_USAGE });
  }
}

function checkData({ label, byteLength }: Tensor, data: ArrayBufferView): void {
  const length = ArrayBuffer.isView(data) ? data.byteLength : undefined;
  const limit = `a typed array of ${byteLength} bytes, as ${label} has`;
  checkArgument(length === byteLength, 'data', length ?? data, limit, 'Give all elements, in their own type.');
}

/** @throws PlannerError `BAD_ARGUMENT` */
function rejectRange({ label, viewOffset, byteLength }: Tensor): never {
  const value = `bytes ${viewOffset} to ${viewOffset + byteLength}`;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `${subject(label)} has ${value} of its storage, but a GPU is given whole words of ${WORD} bytes.`,
    culprit: label,
    value,
    limit: `a range of whole words of ${WORD} bytes`,
    remedy: 'Write the tensor that it looks into.',
  });
}
