/**
 * Finds, for a context and a cache type, the highest rung of the ladder that fits, and keeps what nothing else beats.
 *
 * Invariant: what is kept was measured as it would run. The compute buffers of a guess are those of the last measurement, so
 * that most searches end after one or two.
 */
import { elementType } from '../../tensor/element-type.js';
import { CONTEXT_STEP } from '../options.js';
import type { MachineOptions } from '../measure-on-devices.js';
import { Ladder, type ComputeGuess, type Split } from './ladder.js';
import type { ConfirmedRun, Trial, Trials } from './trial.js';

/** Of keys and of values. */
export type CacheTypes = readonly [keys: string, values: string];

/** A way to run the model that fits. */
export interface Found {
  readonly rung: number;
  readonly ctxSize: number;
  readonly types: CacheTypes;
  readonly ubatchSize: number;
  readonly split: Split;
  readonly trial: ConfirmedRun;
}

/** Guesses for one rung after another; a search that has not ended by then keeps the best that fits. */
const MAX_GUESSES = 8;

/** Contexts that are tried where the longest one is sought. */
const MAX_STRETCHES = 4;

/** A context that does not fit is made shorter by one part of so many. */
const SHORTER = 64;

/** Bits of one key and one value. */
export function precision(types: CacheTypes): number {
  return types
    .map((type) => elementType(type))
    .reduce((sum, { blockBytes, blockSize }) => sum + (8 * blockBytes) / blockSize, 0);
}

export class Search {
  /** Graphs that were measured. */
  measured = 0;
  /** Layers of the model, the output layer included. */
  layerCount = 0;
  readonly #trials: Trials;
  readonly #base: MachineOptions;
  readonly #limits: readonly number[];
  readonly #nothing: ComputeGuess;
  #found: Found[] = [];

  constructor(trials: Trials, base: MachineOptions, limits: readonly number[]) {
    this.#trials = trials;
    this.#base = base;
    this.#limits = limits;
    this.#nothing = limits.map(() => 0);
  }

  /** What nothing else beats: more on GPUs first, then the longer context, then the more precise cache. */
  frontier(): readonly Found[] {
    return [...this.#found].sort(
      (a, b) => b.rung - a.rung || b.ctxSize - a.ctxSize || precision(b.types) - precision(a.types),
    );
  }

  /** @param contexts the longest first */
  addFamily(ubatchSize: number, types: CacheTypes, contexts: readonly number[]): void {
    const [cacheTypeK, cacheTypeV] = types;
    let guess = this.#nothing;
    let longer: number | null = null;
    for (const ctxSize of contexts) {
      const options = { ...this.#base, ubatchSize, cacheTypeK, cacheTypeV, ctxSize };
      const ladder = new Ladder(this.#trials, options, this.#limits);
      this.layerCount = ladder.layerCount;
      const like = { ubatchSize, types, ctxSize };
      const bound = ladder.highest(this.#nothing);
      const mayStretch = bound === ladder.top && longer !== null;
      if (bound >= 0 && (mayStretch || !this.#isBeaten({ ...like, rung: bound }))) {
        const found = this.#climb(ladder, options, guess);
        if (found !== null) {
          guess = found.trial.devices.map(({ compute }) => compute);
          this.#add({ ...like, ...found });
          if (found.rung === ladder.top && longer !== null) this.#stretch({ ...like, ...found }, longer);
          if (found.rung === ladder.top) return;
        }
      }
      longer = ctxSize;
    }
  }

  #isBeaten(other: Pick<Found, 'rung' | 'ctxSize' | 'types' | 'ubatchSize'>): boolean {
    return this.#found.some((each) => beats(each, other));
  }

  #add(found: Found): void {
    if (this.#isBeaten(found)) return;
    this.#found = [...this.#found.filter((each) => !beats(found, each)), found];
  }

  /** The highest rung that fits: guesses, measures and corrects the guess. */
  #climb(ladder: Ladder, options: MachineOptions, start: ComputeGuess): Confirmed | null {
    let guess = start;
    let best = null as Fitting | null;
    let high = ladder.top + 1;
    for (let count = 0; count < MAX_GUESSES; count++) {
      const rung = Math.min(high - 1, ladder.highest(guess));
      const split: Split | null = rung > (best?.rung ?? -1) ? ladder.split(rung, guess) : null;
      if (split === null) {
        if (best === null) return null;
        const trial = this.#confirm(best.trial);
        if (this.#fits(trial)) return { ...best, trial };
        [high, best] = [best.rung, null];
        continue;
      }
      const trial = this.#estimate({ ...options, ...optionsOf(split) });
      const compute = trial.devices.map((device) => device.compute);
      if (this.#fits(trial)) {
        best = { rung, split, trial };
        guess = compute;
      } else {
        high = rung;
        guess = compute.map((bytes, gpu) => Math.max(bytes, guess[gpu]));
      }
    }
    const trial = best === null ? null : this.#confirm(best.trial);
    return best !== null && trial !== null && this.#fits(trial) ? { ...best, trial } : null;
  }

  /** Adds the longest context up to `longest` that fits with the same split. */
  #stretch(found: Found, longest: number): void {
    const { trial, ctxSize } = found;
    const far = this.#estimate({ ...trial.options, ctxSize: longest });
    const shares = far.devices.map(({ used }, gpu) => {
      const near = trial.devices[gpu].used;
      return used <= near ? 1 : (this.#limits[gpu] - near) / (used - near);
    });
    const steps = Math.floor((Math.min(1, ...shares) * (longest - ctxSize)) / CONTEXT_STEP);
    let context = ctxSize + steps * CONTEXT_STEP;
    for (let count = 0; count < MAX_STRETCHES && context > ctxSize; count++) {
      const longer = this.#confirm(this.#estimate({ ...trial.options, ctxSize: context }));
      if (this.#fits(longer)) {
        this.#add({ ...found, ctxSize: context, trial: longer });
        return;
      }
      context -= CONTEXT_STEP * Math.max(1, Math.round((context - ctxSize) / CONTEXT_STEP / SHORTER));
    }
  }

  #estimate(options: MachineOptions): Trial {
    this.measured++;
    return this.#trials.estimateRun(options);
  }

  #confirm(estimate: Trial): ConfirmedRun {
    this.measured++;
    return this.#trials.confirmRun(estimate);
  }

  #fits({ devices, host }: Trial): boolean {
    return host.used <= host.freeBytes && devices.every(({ used }, gpu) => used <= this.#limits[gpu]);
  }
}

function optionsOf({ counts, hostExperts }: Split): Pick<MachineOptions, 'gpuLayers' | 'tensorSplit' | 'nCpuMoe'> {
  const gpuLayers = counts.reduce((sum, count) => sum + count, 0);
  return {
    gpuLayers,
    ...(counts.length > 1 && gpuLayers > 0 ? { tensorSplit: counts } : {}),
    ...(hostExperts > 0 ? { nCpuMoe: hostExperts } : {}),
  };
}

/** A rung that fits. */
type Confirmed = Pick<Found, 'rung' | 'split' | 'trial'>;

/** A rung that fits as far as the prompt decides it. */
type Fitting = Pick<Found, 'rung' | 'split'> & { readonly trial: Trial };

type Worth = Pick<Found, 'rung' | 'ctxSize' | 'types' | 'ubatchSize'>;

/** Whether one way is as good as another in everything. */
function beats(a: Worth, b: Worth): boolean {
  const isAsLong = a.ctxSize >= b.ctxSize && a.ubatchSize >= b.ubatchSize;
  return a.rung >= b.rung && isAsLong && precision(a.types) >= precision(b.types);
}
