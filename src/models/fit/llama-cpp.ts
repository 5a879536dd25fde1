/**
 * The options that llama.cpp itself chooses so that a model fits (`--fit`, on by default).
 *
 *     1  as given     nothing changes if every device keeps its target of free memory
 *     2  context      one that nobody asked for shrinks, on a line between what two contexts take
 *     3  fill         layers go to devices from the last device to the first; of experts only what every token needs
 *     4  convert      layers get their experts back from the first device on, as far as there is room
 *
 * Invariant: trials and result are those of `common_params_fit_impl` in build 10573, one by one: whole numbers, and the same
 * guesses. What llama.cpp does not measure again is not measured again here.
 */
import type { TensorOverride } from '../offload/overrides.js';
import type { MachineOptions } from '../measure-on-devices.js';
import type { ModelSource } from '../model-graph.js';
import { LayerFill, type Room } from './layer-fill.js';
import { quotient, truncated } from './quotient.js';
import { resolveFitOptions, type FitOptions, type ResolvedFitOptions } from './options.js';
import { Trials, type Trial } from './trial.js';

/** What llama.cpp chooses. */
export interface LlamaCppFit {
  /**
   * `success`: llama.cpp is content, though it does not always measure its choice; `failure`: it leaves the layers as they
   * were given, for `reason`.
   */
  readonly status: 'success' | 'failure';
  /** Why llama.cpp gives up; null if it does not. */
  readonly reason: string | null;
  /** The options as they were given, with what llama.cpp changes. */
  readonly options: MachineOptions;
  /** What it changes; options that it leaves alone are left out. */
  readonly changes: Pick<MachineOptions, 'ctxSize' | 'gpuLayers' | 'tensorSplit' | 'overrideTensors'>;
  /** Everything that llama.cpp measures, in order. */
  readonly trials: readonly Trial[];
  /** What the choice takes, measured as a trial. */
  readonly result: Trial;
  /** Whether every device keeps its target of free memory with the choice. */
  readonly fits: boolean;
}

/**
 * Chooses context, layers, their split and the place of experts as llama.cpp does by default before it loads a model.
 * A dozen trials of a few milliseconds each.
 *
 * @throws PlannerError as `measureModel` with devices
 *
 * @example
 * ```ts
 * import { cudaDevice } from 'tensor-arena/device';
 * import { fitAsLlamaCpp } from 'tensor-arena/models';
 * import { readGguf } from 'tensor-arena/gguf';
 * const devices = [cudaDevice({ totalBytes: 4 * 2 ** 30 })];
 * const { changes, fits, trials } = fitAsLlamaCpp(await readGguf('examples/phi-3-mini-4k.gguf'), { devices });
 * console.log(changes.gpuLayers, fits, trials.length);
 * ```
 */
export function fitAsLlamaCpp(gguf: ModelSource, options: FitOptions): LlamaCppFit {
  const trials = new Trials(gguf);
  return new Fitter(trials, resolveFitOptions(options)).fit();
}

/** All experts, on the CPU. */
const ALL_EXPERTS = 'blk\\.\\d+\\.ffn_(up|down|gate_up|gate)_(ch|)exps';

type Outcome = Pick<LlamaCppFit, 'status' | 'reason'>;

const SUCCESS: Outcome = { status: 'success', reason: null };

class Fitter {
  readonly #trials: Trials;
  readonly #given: ResolvedFitOptions;
  readonly #measured: Trial[] = [];
  #changes: LlamaCppFit['changes'] = {};

  constructor(trials: Trials, given: ResolvedFitOptions) {
    this.#trials = trials;
    this.#given = given;
  }

  fit(): LlamaCppFit {
    const outcome = this.#run();
    const options = { ...this.#given.machine, ...this.#changes };
    const result = this.#trials.measure(options);
    const fits = this.#keepsTargets(result);
    return { ...outcome, options, changes: this.#changes, trials: this.#measured, result, fits };
  }

  #measure(changes: LlamaCppFit['changes'] = {}): Trial {
    const trial = this.#trials.measure({ ...this.#given.machine, ...this.#changes, ...changes });
    this.#measured.push(trial);
    return trial;
  }

  #run(): Outcome {
    const first = this.#measure();
    if (this.#keepsTargets(first)) return SUCCESS;
    if (this.#shrinkContext(first)) return SUCCESS;
    const reason = this.#reasonToStop(first);
    if (reason !== null) return { status: 'failure', reason };
    this.#fillLayers(first);
    return SUCCESS;
  }

  /** Without devices, llama.cpp looks at all memory of the host. */
  #roomOf({ devices, host }: Trial): Room[] {
    const { targets } = this.#given;
    if (devices.length === 0) return [{ free: host.totalBytes, target: targets[0], used: host.used }];
    return devices.map(({ freeBytes, used }, index) => ({ free: freeBytes, target: targets[index], used }));
  }

  #keepsTargets(trial: Trial): boolean {
    return this.#roomOf(trial).every(({ free, used, target }) => free - used >= target);
  }

  /** Whether a shorter context is all that it takes. */
  #shrinkContext(first: Trial): boolean {
    const rooms = this.#roomOf(first);
    const available = sum(rooms.map(({ free, target }) => free - target));
    const used = sum(rooms.map((room) => room.used));
    const { trainedContext } = this.#trials.header;
    const { minContext, isContextFree } = this.#given;
    if (available - used >= 0 || !isContextFree || trainedContext <= minContext) return false;
    this.#changes = { ctxSize: minContext };
    const usedByLeast = sum(this.#roomOf(this.#measure()).map((room) => room.used));
    const target = available - this.#wasteOf(first);
    if (target <= usedByLeast) return false;
    const longer = quotient(trainedContext - minContext, target - usedByLeast, used - usedByLeast);
    const context = minContext + longer;
    this.#changes = { ctxSize: Math.max(context - (context % CONTEXT_STEP), minContext) };
    return first.devices.length <= 1;
  }

  /** Bytes that several devices are expected to leave empty, as each gets whole layers. */
  #wasteOf({ devices }: Trial): number {
    if (devices.length <= 1) return 0;
    const { layerCount, expertCount } = this.#trials.header;
    const { gpuLayers } = this.#given;
    const layers = Math.min(gpuLayers < 0 ? Infinity : gpuLayers, layerCount);
    const bytesOfLayer = layers === 0 ? 0 : truncated(sum(devices.map(({ weights }) => weights)), layers);
    return truncated((devices.length + 1) * bytesOfLayer, expertCount === 0 ? 2 : 6);
  }

  #reasonToStop({ devices }: Trial): string | null {
    const { gpuLayers, machine } = this.#given;
    const { tensorSplit = [], overrideTensors = [], cpuMoe = false, nCpuMoe = 0 } = machine;
    if (devices.length === 0) return 'there is no device besides the CPU, and no shorter context fits';
    if (gpuLayers !== ANY_LAYERS) return `the option gpuLayers is ${machine.gpuLayers}, so llama.cpp leaves it`;
    if (devices.length > 1 && Array.from(tensorSplit).some((share) => share !== 0))
      return 'the option tensorSplit is given, so llama.cpp leaves it';
    if (overrideTensors.length > 0 || cpuMoe || nCpuMoe > 0)
      return 'tensors are put elsewhere already, so llama.cpp leaves them';
    return null;
  }

  #fillLayers(first: Trial): void {
    const hasExperts = this.#trials.header.expertCount > 0;
    const { gpus, cpu } = this.#trials.place(this.#given.machine).offload.options;
    let surplus = 0;
    if (hasExperts) {
      const overrideTensors: TensorOverride[] = [{ pattern: ALL_EXPERTS, bufferType: cpu.bufferType.name }];
      surplus = sum(
        this.#roomOf(this.#measure({ overrideTensors })).map(({ free, used, target }) => free - used - target),
      );
    }
    const fill = new LayerFill({
      measure: (changes) => this.#measure(changes).devices.map(({ used }) => used),
      targets: this.#roomOf(first).map(({ free, target }) => free - target),
      bufferTypes: gpus.map(({ bufferType }) => bufferType.name),
      cpu: cpu.bufferType.name,
      layerCount: this.#trials.header.layerCount + 1,
      hasExperts,
    });
    fill.fill();
    if (surplus > 0) fill.convert();
    this.#changes = { ...this.#changes, ...fill.changes };
  }
}

/** llama.cpp's word for a choice that is its own. */
const ANY_LAYERS = -1;
const CONTEXT_STEP = 256;

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
