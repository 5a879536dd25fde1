/**
 * The incumbents of the search, each a view of the next larger one:
 *
 *     WholeIncumbent   the whole problem, in one chunk or several, in bytes
 *     PartIncumbent    those buffers of one chunk that can be lowered without the others
 *     CoreIncumbent    the buffers of a part that the exact search works on, in units
 *
 * Invariant: a placement that a view is offered reaches the whole as a valid placement; a proof reaches the whole only
 * if it holds there.
 */
import type { Problem } from '../../problem/problem.js';
import { placementSize, type Placement, type PlaceOptions } from '../allocator.js';
import { placeAround, type Core } from '../exact/core.js';
import type { Instance, Units } from '../exact/instance.js';
import type { Incumbent } from '../incumbent.js';
import type { Certificate } from './solution.js';

/** What the caller asks for. */
export interface Aim extends PlaceOptions {
  /** Bytes that are small enough. Default: minimise. */
  readonly capacity?: number;
}

export class WholeIncumbent implements Incumbent<Placement> {
  /** `null` until the first offer. */
  placement: Placement | null = null;
  /** Bytes that a placement of interest must not exceed. `Infinity` if the minimum is wanted. */
  readonly capacity: number;
  /** Whether a proof has shown that the capacity is too small. */
  isRefuted = false;
  /** Whether a proof for one chunk holds for several. */
  readonly #isOneChunkEnough: boolean;
  readonly #aim: Aim;
  readonly #onChange: () => void;

  /** `onChange` is called after each change of the placement or of the bound. */
  constructor(
    readonly problem: Problem,
    aim: Aim,
    public certificate: Certificate,
    onChange: () => void,
  ) {
    this.#aim = aim;
    this.#onChange = onChange;
    this.capacity = aim.capacity ?? Infinity;
    this.#isOneChunkEnough = isOneChunkEnough(problem, aim);
  }

  get peak(): number {
    return this.placement === null ? Infinity : placementSize(this.placement);
  }

  get bound(): number {
    return this.certificate.bytes;
  }

  get goal(): number {
    return Math.max(this.#aim.capacity ?? 0, this.bound);
  }

  get isDone(): boolean {
    return this.isRefuted || this.peak <= this.goal;
  }

  offer(placement: Placement): void {
    if (placementSize(placement) < this.peak) this.#replace(placement);
  }

  prove(bytes: number, nodes: number): void {
    if (bytes > this.bound) this.raise({ kind: 'exhausted', bytes, nodes });
  }

  /** Records a proof that was found for one chunk. */
  proveForOneChunk(bytes: number, nodes: number): void {
    if (this.#isOneChunkEnough) this.prove(bytes, nodes);
  }

  /** Takes a better certificate, or the same one. */
  raise(certificate: Certificate): void {
    this.certificate = certificate;
    this.isRefuted = certificate.bytes > this.capacity;
    this.#onChange();
  }

  /** Forgets a placement beyond the limits, which was of use only to the search. */
  forget(): void {
    this.placement = null;
  }

  /** Moves some buffers of one chunk; buffers in other chunks stay. */
  move(buffers: Int32Array, found: Float64Array): void {
    const { chunkOf, chunks, ...rest } = this.placement!;
    const { bufferCount, sizes } = this.problem;
    const chunk = chunkOf[buffers[0]];
    const offsets = rest.offsets.slice();
    buffers.forEach((b, i) => (offsets[b] = found[i]));
    let end = 0;
    for (let b = 0; b < bufferCount; b++) if (chunkOf[b] === chunk) end = Math.max(end, offsets[b] + sizes[b]);
    this.#replace({ offsets, chunkOf, chunks: chunks.map((bytes, c) => (c === chunk ? end : bytes)) });
  }

  #replace(placement: Placement): void {
    this.placement = placement;
    this.#onChange();
  }
}

export class PartIncumbent implements Incumbent<Float64Array> {
  peak: number;
  readonly #buffers: Int32Array;
  readonly #whole: WholeIncumbent;

  /** `problem` holds just `buffers`, which the placement of `whole` has in one chunk. */
  constructor(
    readonly problem: Problem,
    buffers: Int32Array,
    whole: WholeIncumbent,
  ) {
    this.#buffers = buffers;
    this.#whole = whole;
    const { offsets } = whole.placement!;
    this.peak = peakOf(problem.sizes, (i) => offsets[buffers[i]]);
  }

  /** Bytes that a placement of interest must not exceed. */
  get capacity(): number {
    return this.#whole.capacity;
  }

  get bound(): number {
    return this.#whole.bound;
  }

  get goal(): number {
    return this.#whole.goal;
  }

  get isDone(): boolean {
    return this.#whole.isRefuted || this.peak <= this.goal;
  }

  offer(offsets: Float64Array): void {
    const peak = peakOf(this.problem.sizes, (i) => offsets[i]);
    if (peak >= this.peak) return;
    this.peak = peak;
    this.#whole.move(this.#buffers, offsets);
  }

  prove(bytes: number, nodes: number): void {
    this.#whole.proveForOneChunk(bytes, nodes);
  }
}

export class CoreIncumbent implements Incumbent<Units> {
  peak: number;
  #isRefuted = false;
  readonly #part: PartIncumbent;
  readonly #core: Core;
  readonly #instance: Instance;
  readonly #isExact: boolean;

  /**
   * `bound` is in units. `isExact`: whether a bound of the core is a bound of the part, which gaps that leave windows
   * prevent.
   */
  constructor(
    part: PartIncumbent,
    core: Core,
    instance: Instance,
    public bound: number,
    isExact: boolean,
  ) {
    this.#part = part;
    this.#core = core;
    this.#instance = instance;
    this.#isExact = isExact;
    this.peak = Math.ceil(part.peak / instance.unit);
  }

  get goal(): number {
    return Math.max(this.bound, Math.floor(this.#part.goal / this.#instance.unit));
  }

  get isDone(): boolean {
    return this.#isRefuted || this.peak <= this.goal;
  }

  offer(found: Units): void {
    const { sizes, unit } = this.#instance;
    const peak = peakOf(sizes, (b) => found[b]);
    if (peak >= this.peak) return;
    this.peak = peak;
    const offsets = Float64Array.from(found, (units) => units * unit);
    this.#part.offer(placeAround(this.#part.problem, this.#core, offsets));
  }

  prove(bound: number, nodes: number): void {
    this.bound = bound;
    const bytes = bound * this.#instance.unit;
    this.#isRefuted = bytes > this.#part.capacity;
    if (this.#isExact) this.#part.prove(bytes, nodes);
  }
}

function peakOf(sizes: Units, offsetOf: (i: number) => number): number {
  let peak = 0;
  for (let i = 0; i < sizes.length; i++) peak = Math.max(peak, offsetOf(i) + sizes[i]);
  return peak;
}

/**
 * Whether a bound for one chunk holds for several chunks: stacked on top of each other, these are one chunk of their
 * total size, but only if no padding comes between them. So every number that offsets are sums of must be a multiple of
 * every alignment.
 */
function isOneChunkEnough(
  { alignments, sizes, fixedOffsets, gaps }: Problem,
  { maxChunkSize = Infinity }: PlaceOptions,
): boolean {
  if (maxChunkSize === Infinity) return true;
  const alignment = alignments.reduce((most, value) => Math.max(most, value), 1);
  const needsNoPadding = (bytes: number): boolean => Number.isNaN(bytes) || bytes % alignment === 0;
  return [sizes, fixedOffsets, gaps?.lowers, gaps?.uppers].every((column) => column?.every(needsNoPadding) ?? true);
}
