/**
 * PyTorch's CUDA caching allocator once more, as plainly as possible and unlike `src/training/cuda`: it keeps only the tensors that are
 * in use and the memory that there is, and finds free stretches anew at each request.
 */
const MIB = 1024 ** 2;

interface Stretch {
  readonly start: number;
  readonly end: number;
}

interface Region {
  readonly isSmall: boolean;
  readonly start: number;
  readonly end: number;
  /** Memory there is, as units of so many bytes by their index; a plain segment is one unit. */
  readonly unit: number;
  readonly mapped: Set<number>;
  used: Stretch[];
}

export class PlainCachingAllocator {
  retries = 0;
  #regions: Region[] = [];
  #end = 0;

  constructor(
    readonly capacity: number,
    readonly isExpandable: boolean,
  ) {}

  get reserved(): number {
    return this.#regions.reduce((sum, { mapped, unit }) => sum + mapped.size * unit, 0);
  }

  get allocated(): number {
    return this.#regions.flatMap(({ used }) => used).reduce((sum, { start, end }) => sum + end - start, 0);
  }

  /** The address of so many bytes; null without memory. */
  allocate(bytes: number): number | null {
    const size = 512 * Math.ceil(bytes / 512);
    const isSmall = size <= MIB;
    const inCache = this.#cached(size, isSmall);
    if (inCache !== null) return this.#use(inCache, size);
    for (let attempt = 0; attempt < 2; attempt++) {
      const stretch = this.isExpandable ? this.#expanded(size, isSmall) : this.#segment(size, isSmall);
      if (stretch !== null) return this.#use(stretch, size);
      if (attempt > 0) break;
      this.retries++;
      this.#giveBack();
    }
    return null;
  }

  free(address: number): void {
    for (const region of this.#regions) region.used = region.used.filter(({ start }) => start !== address);
  }

  #cached(size: number, isSmall: boolean): Stretch | null {
    const stretches = this.#regions
      .filter((region) => region.isSmall === isSmall)
      .flatMap((region) =>
        this.#stretches(region, true).map((stretch) => ({ stretch, room: this.#room(region, stretch) })),
      )
      .filter(({ stretch }) => length(stretch) >= size)
      .sort((a, b) => length(a.stretch) - length(b.stretch) || a.stretch.start - b.stretch.start);
    // Among expandable stretches, a longer one follows as long as it can grow less.
    while (this.isExpandable && stretches.length > 1 && stretches[1].room < stretches[0].room) stretches.shift();
    return stretches[0]?.stretch ?? null;
  }

  #room(region: Region, { start, end }: Stretch): number {
    const behind = this.#stretches(region, false).find((each) => each.start === end);
    return (behind?.end ?? end) - start;
  }

  /** Runs of bytes that are not in use, in a region: with memory, or without. */
  #stretches({ start, end, unit, mapped, used }: Region, hasMemory: boolean): Stretch[] {
    const edges = new Set([start, end, ...used.flatMap((each) => [each.start, each.end])]);
    const units = new Set([...mapped].flatMap((index) => [index, index + 1]));
    for (const index of units) edges.add(Math.min(end, start + index * unit));
    const sorted = [...edges].sort((a, b) => a - b);
    const found: Stretch[] = [];
    for (let i = 0; i + 1 < sorted.length; i++) {
      const [from, to] = [sorted[i], sorted[i + 1]];
      const isUsed = used.some((each) => each.start <= from && to <= each.end);
      if (isUsed || mapped.has(Math.floor((from - start) / unit)) !== hasMemory) continue;
      const last = found.at(-1);
      if (last?.end === from) found[found.length - 1] = { start: last.start, end: to };
      else found.push({ start: from, end: to });
    }
    return found;
  }

  #use({ start, end }: Stretch, size: number): number {
    const region = this.#regions.find((each) => each.start <= start && start < each.end)!;
    const rest = end - start - size;
    const isSplit = region.isSmall || this.isExpandable ? rest >= 512 : rest > MIB;
    region.used.push({ start, end: isSplit ? start + size : end });
    return start;
  }

  #segment(size: number, isSmall: boolean): Stretch | null {
    const bytes = isSmall ? 2 * MIB : size < 10 * MIB ? 20 * MIB : 2 * MIB * Math.ceil(size / (2 * MIB));
    if (this.reserved + bytes > this.capacity) return null;
    return this.#addRegion(bytes, bytes, isSmall, new Set([0]));
  }

  #addRegion(bytes: number, unit: number, isSmall: boolean, mapped: Set<number>): Region {
    const region = { start: this.#end, end: this.#end + bytes, isSmall, unit, mapped, used: [] };
    this.#regions.push(region);
    this.#end += bytes;
    return region;
  }

  #expanded(size: number, isSmall: boolean): Stretch | null {
    const unit = isSmall ? 2 * MIB : 20 * MIB;
    for (const region of this.#regions.filter((each) => each.isSmall === isSmall)) {
      const [free, open] = [this.#stretches(region, true), this.#stretches(region, false)];
      for (const first of open) {
        const start = free.find(({ end }) => end === first.start)?.start ?? first.start;
        const end = Math.min(
          region.end,
          ...region.used.filter((each) => each.start >= start).map((each) => each.start),
        );
        if (end - start >= size) return this.#map(region, { start, end: start + size }, open);
      }
    }
    const room = this.capacity === Infinity ? 2 ** 40 : 1.125 * this.capacity + size;
    const region = this.#addRegion(Math.ceil(room / unit) * unit, unit, isSmall, new Set());
    return this.#map(region, { start: region.start, end: region.start + size }, [region]);
  }

  /** Each open stretch within the bytes is mapped as a whole or not at all. */
  #map(region: Region, bytes: Stretch, open: readonly Stretch[]): Stretch | null {
    for (const each of open) {
      const [from, to] = [Math.max(each.start, bytes.start), Math.min(each.end, bytes.end)];
      if (from >= to) continue;
      const [first, last] = [(from - region.start) / region.unit, Math.ceil((to - region.start) / region.unit)];
      if (this.reserved + (last - first) * region.unit > this.capacity) return null;
      for (let index = first; index < last; index++) region.mapped.add(index);
    }
    return this.#stretches(region, true).find(({ start, end }) => start <= bytes.start && bytes.end <= end)!;
  }

  #giveBack(): void {
    for (const region of this.#regions) {
      for (const index of [...region.mapped]) {
        const [from, to] = [region.start + index * region.unit, region.start + (index + 1) * region.unit];
        if (!region.used.some(({ start, end }) => start < to && end > from)) region.mapped.delete(index);
      }
    }
    if (!this.isExpandable) this.#regions = this.#regions.filter(({ mapped }) => mapped.size > 0);
  }
}

const length = ({ start, end }: Stretch): number => end - start;
