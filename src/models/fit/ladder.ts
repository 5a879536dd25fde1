/**
 * How much of a model is on GPUs, as one number, and how its layers share several GPUs.
 *
 *     rung   0 … N+1     so many layers on GPUs, counted from the output back; their experts on the host
 *     rung   N+2 …       all layers on GPUs, and the experts of one more layer from the last layer to the first
 *
 * Invariant: a higher rung takes more of the GPUs and less of the host. Bytes of weights and caches are exact but for what a
 * limit on the size of a buffer adds; bytes of the compute buffers are the caller's guess.
 */
import { alignUp } from '../../units.js';
import type { MachineOptions } from '../measure-on-devices.js';
import type { Trials } from './trial.js';

/** Bytes of one layer on a GPU. */
interface LayerBytes {
  /** Weights that every token needs, and the cache. */
  readonly dense: number;
  readonly experts: number;
}

/** How the layers are shared out. */
export interface Split {
  /** Layers of each GPU, the output layer included. */
  readonly counts: readonly number[];
  /** Layers, the first ones, whose experts are on the host. */
  readonly hostExperts: number;
}

/** Bytes that the compute buffers are thought to take, by GPU. */
export type ComputeGuess = readonly number[];

const EXPERTS = /^blk\.\d+\.ffn_(up|down|gate|gate_up)_(ch|)exps/;

/** Steps to balance the load of the GPUs: one more would tell less than a 4,000th of the memory. */
const BALANCE_STEPS = 12;

export class Ladder {
  /** The highest rung: everything is on GPUs. */
  readonly top: number;
  /** Layers, the output layer included. */
  readonly layerCount: number;
  /** The layers that have experts. */
  readonly #expertLayers: readonly number[];
  /** Layers, the output layer the last. */
  readonly #layers: readonly LayerBytes[];
  /** Bytes of weights that every GPU with a layer has a copy of. */
  readonly #shared: number;
  /** Most bytes of each GPU. */
  readonly #limits: readonly number[];

  /** O(tensors of the file). */
  constructor(trials: Trials, options: MachineOptions, limits: readonly number[]) {
    // Figures are those of the first GPU: of one profile, they are alike.
    const tensorSplit = limits.map((_, gpu) => (gpu === 0 ? 1 : 0));
    const { offload } = trials.place({ ...options, gpuLayers: 'all', ...(limits.length > 1 ? { tensorSplit } : {}) });
    const output = offload.layerDevices.layers.length;
    const layers = Array.from({ length: output + 1 }, () => ({ dense: 0, experts: 0 }));
    let shared = 0;
    for (const { listed, type, use, bytes } of offload.weights.all) {
      if (type.isHost) continue;
      const padded = alignUp(bytes, type.alignment);
      if (use.isShared) shared += padded;
      else layers[use.layer ?? output][EXPERTS.test(listed.name) ? 'experts' : 'dense'] += padded;
    }
    for (const { layer, type, bytes } of offload.caches.flat()) {
      if (!type.isHost) layers[layer].dense += alignUp(bytes, type.alignment);
    }
    this.#layers = layers;
    this.#shared = shared;
    this.#limits = limits;
    this.layerCount = layers.length;
    this.#expertLayers = [...layers.keys()].filter((layer) => layers[layer].experts > 0);
    this.top = this.layerCount + this.#expertLayers.length;
  }

  /** The highest rung that the guess leaves room for; -1 if there is none. O(layers · log(rungs)). */
  highest(guess: ComputeGuess): number {
    let low = -1;
    for (let high = this.top + 1; high - low > 1;) {
      const middle = low + Math.floor((high - low) / 2);
      if (this.#packed(middle, guess, 1) === null) high = middle;
      else low = middle;
    }
    return low;
  }

  /** The split of a rung that leaves all GPUs the same part of their memory, as far as layers allow. */
  split(rung: number, guess: ComputeGuess): Split | null {
    let best = this.#packed(rung, guess, 1);
    for (let [low, high, step] = [0, 1, 0]; best !== null && step < BALANCE_STEPS; step++) {
      const middle = (low + high) / 2;
      const counts = this.#packed(rung, guess, middle);
      if (counts === null) low = middle;
      else [best, high] = [counts, middle];
    }
    return best === null ? null : { counts: best, hostExperts: this.#hostExperts(rung) };
  }

  #hostExperts(rung: number): number {
    const onHost = this.#expertLayers.length - Math.max(0, rung - this.layerCount);
    return onHost === 0 ? 0 : this.#expertLayers[onHost - 1] + 1;
  }

  /** Layers of each GPU if no GPU may use more than a part of its memory; null if they do not fit. */
  #packed(rung: number, guess: ComputeGuess, part: number): readonly number[] | null {
    const hostExperts = this.#hostExperts(rung);
    let layer = this.layerCount - Math.min(rung, this.layerCount);
    const counts = this.#limits.map((limit, gpu) => {
      const room = limit * part - this.#shared - guess[gpu];
      let count = 0;
      for (let used = 0; layer < this.layerCount; layer++, count++) {
        const { dense, experts } = this.#layers[layer];
        used += dense + (layer < hostExperts ? 0 : experts);
        if (used > room) break;
      }
      return count;
    });
    return layer === this.layerCount ? counts : null;
  }
}
