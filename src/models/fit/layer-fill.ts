/**
 * How llama.cpp shares layers out among devices: by trials that close in on each device's limit.
 *
 * Invariant: guesses are those of `common_params_fit_impl`: the method of false position on the number of layers. A layer
 * is whole, or partial: its experts are on the CPU. Devices hold consecutive layers, whole ones before partial ones.
 */
import type { MachineOptions } from '../measure-on-devices.js';
import type { TensorOverride } from '../offload/overrides.js';
import { quotient } from './quotient.js';

/** Bytes of one memory. */
export interface Room {
  readonly free: number;
  /** What is to stay free. */
  readonly target: number;
  readonly used: number;
}

/** What of its first partial layer a device keeps besides attention. */
type Fraction = 'attention' | 'up' | 'gate' | 'dense';

/** What goes elsewhere, by what is kept. */
const ELSEWHERE: Readonly<Record<Fraction, string>> = {
  attention: 'ffn_(gate|up|gate_up|down).*',
  up: 'ffn_(gate|gate_up|down).*',
  gate: 'ffn_down.*',
  dense: 'ffn_(up|down|gate_up|gate)_(ch|)exps',
};

/** The layers of one device. */
interface Share {
  readonly layers: number;
  /** How many of them, the last ones, are partial. */
  readonly partial: number;
  /** What the first partial layer keeps; the others keep what is dense. */
  readonly fraction: Fraction;
  /** Where the rest of the first partial layer goes. */
  readonly overflow: string;
}

/** The shares of all devices, and what they take. */
interface Filling {
  readonly shares: readonly Share[];
  /** The first device that has partial layers to be converted. */
  readonly source: number;
  /** Bytes by device. */
  readonly used: readonly number[];
}

type Changes = Pick<MachineOptions, 'gpuLayers' | 'tensorSplit' | 'overrideTensors'>;

interface FillInput {
  /** Bytes that each device needs. */
  readonly measure: (changes: Changes) => readonly number[];
  /** Most bytes of each device. */
  readonly targets: readonly number[];
  /** The buffer type of each device. */
  readonly bufferTypes: readonly string[];
  /** The buffer type of the CPU. */
  readonly cpu: string;
  /** Layers, the output layer included. */
  readonly layerCount: number;
  readonly hasExperts: boolean;
}

export class LayerFill {
  readonly #input: FillInput;
  readonly #last: number;
  #filling: Filling;

  constructor(input: FillInput) {
    this.#input = input;
    this.#last = input.targets.length - 1;
    const none: Share = { layers: 0, partial: 0, fraction: 'dense', overflow: input.cpu };
    this.#filling = this.#tried(
      input.targets.map(() => none),
      input.targets.length,
    );
  }

  /** The options that the shares stand for. */
  get changes(): Changes {
    return this.#changesFor(this.#filling.shares);
  }

  /** Gives layers to devices, the last layers to the last device. In a model with experts they are partial. */
  fill(): void {
    const { targets, layerCount, hasExperts } = this.#input;
    for (let device = this.#last; device >= 0; device--) {
      const { shares } = this.#filling;
      const open = layerCount - shares.slice(device + 1).reduce((sum, { layers }) => sum + layers, 0);
      if (open === 0) continue;
      // The output layer has no experts.
      const outputs = device === this.#last ? 1 : 0;
      const given = { layers: open, partial: hasExperts ? open - outputs : 0 };
      const high = this.#tried(replaced(shares, device, given), targets.length);
      this.#closeIn(device, high, layersOf, (step) => this.#oneWithMore(device, step, outputs));
    }
  }

  /** As llama.cpp counts: once a device has no layer but the output, the next step leaves one more layer whole. */
  #oneWithMore(device: number, step: number, outputs: number): Filling {
    const { shares, source } = this.#filling;
    const { layers, partial } = shares[device];
    const more = this.#input.hasExperts ? step - (partial === 0 ? outputs : 0) : 0;
    return this.#tried(replaced(shares, device, { layers: layers + step, partial: partial + more }), source);
  }

  /** Makes partial layers whole, from the first device on, and tries a part of one more for each device. */
  convert(): void {
    const { shares } = this.#filling;
    const firstEmpty = shares.findLastIndex(({ layers }) => layers === 0);
    this.#filling = { ...this.#filling, source: firstEmpty + 1 };
    for (let device = 0; device <= this.#filling.source && this.#filling.source <= this.#last; device++) {
      this.#closeIn(device, this.#allConverted(device), whole, (step) => this.#converted(device, step));
      this.#tryFraction(device);
    }
  }

  /**
   * Finds how many layers a device has room for: all, as in `high`, or else a number between those of the present filling
   * and of `high`. `more` tries a filling with a number of further layers.
   */
  #closeIn(device: number, high: Filling, countOf: (share: Share) => number, more: (step: number) => Filling): void {
    const target = this.#input.targets[device];
    if (high.used[device] <= target) {
      this.#filling = high;
      return;
    }
    const between = (): number => countOf(high.shares[device]) - countOf(this.#filling.shares[device]);
    for (let delta = between(); delta > 1; delta = between()) {
      const low = this.#filling;
      const guess = quotient(delta, target - low.used[device], high.used[device] - low.used[device]);
      // llama.cpp counts steps without a sign: a step back is a large one.
      const step = guess < 0 ? delta - 1 : Math.min(Math.max(guess, 1), delta - 1);
      const test = more(step);
      if (test.used[device] <= target) this.#filling = test;
      else high = test;
    }
  }

  /** Every layer of the devices from `source` on, but the output layer, whole on `device`. */
  #allConverted(device: number): Filling {
    const { shares, source } = this.#filling;
    let next = [...shares];
    for (let from = source; from <= this.#last; from++) {
      const moved = from < this.#last ? next[from].layers : next[from].layers - 1;
      next = replaced(next, device, { layers: next[device].layers + moved });
      next = replaced(next, from, { layers: next[from].layers - moved, partial: 0 });
    }
    return this.#tried(next, this.#last);
  }

  /** Some partial layers, the first ones there are, whole on `device`. */
  #converted(device: number, count: number): Filling {
    const { shares, source } = this.#filling;
    let next = [...shares];
    let from = source;
    for (let open = count; from <= this.#last; from++) {
      const moved = Math.min(open, next[from].partial);
      const { layers, partial } = next[from];
      next = replaced(next, from, { layers: layers - moved, partial: partial - moved });
      next = replaced(next, device, { layers: next[device].layers + moved });
      open -= moved;
      if (next[from].partial > 0) break;
    }
    return this.#tried(next, from);
  }

  /** Tries to fit a part of one more layer, the rest of which goes to the next device or to the CPU. */
  #tryFraction(device: number): void {
    const { shares, source } = this.#filling;
    const { cpu, bufferTypes } = this.#input;
    if (source > this.#last || shares[source].layers <= (device < this.#last ? 0 : 1)) return;
    const from = shares[source];
    const less = replaced(shares, source, { layers: from.layers - 1, partial: from.partial - 1 });
    const { layers, partial } = less[device];
    const overflow = device < this.#last ? bufferTypes[device + 1] : cpu;
    const nextSource = less[source].partial === 0 ? source + 1 : source;
    const isKept = (fraction: Fraction): boolean => {
      const share = { layers: layers + 1, partial: partial + 1, fraction, overflow };
      const test = this.#tried(replaced(less, device, share), nextSource);
      const isKept = [device, device + 1].every((each) => each > this.#last || this.#isBelow(test, each));
      if (isKept) this.#filling = test;
      return isKept;
    };
    if (isKept('up')) isKept('gate');
    else isKept('attention');
  }

  #isBelow({ used }: Filling, device: number): boolean {
    return used[device] < this.#input.targets[device];
  }

  #tried(shares: readonly Share[], source: number): Filling {
    return { shares, source, used: this.#input.measure(this.#changesFor(shares)) };
  }

  #changesFor(shares: readonly Share[]): Changes {
    const { cpu, layerCount } = this.#input;
    const gpuLayers = shares.reduce((sum, { layers }) => sum + layers, 0);
    const overrideTensors: TensorOverride[] = [];
    let layer = layerCount - gpuLayers;
    for (const { layers, partial, fraction, overflow } of shares) {
      for (let index = layers - partial; index < layers; index++) {
        const isFirst = index === layers - partial;
        const elsewhere = ELSEWHERE[isFirst ? fraction : 'dense'];
        const pattern = `blk\\.${layer + index}\\.${elsewhere}`;
        overrideTensors.push({ pattern, bufferType: isFirst ? overflow : cpu });
      }
      layer += layers;
    }
    // Without layers there is nothing to share out, and shares of nothing would be refused.
    const tensorSplit = shares.length > 1 && gpuLayers > 0 ? { tensorSplit: shares.map(({ layers }) => layers) } : {};
    return { gpuLayers, ...tensorSplit, ...(overrideTensors.length > 0 ? { overrideTensors } : {}) };
  }
}

function layersOf({ layers }: Share): number {
  return layers;
}

function whole({ layers, partial }: Share): number {
  return layers - partial;
}

function replaced(shares: readonly Share[], index: number, changes: Partial<Share>): Share[] {
  return shares.map((share, at) => (at === index ? { ...share, ...changes } : share));
}
