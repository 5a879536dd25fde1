/**
 * A GGUF header as a file of a model: what is read of it once for all options.
 */
import { nearestName, PlannerError, shown } from '../errors.js';
import type { Gguf } from '../gguf/types.js';
import type { Architecture } from './architecture.js';
import { ARCHITECTURES } from './architectures/index.js';
import type { Hyperparameters } from './hyperparameters.js';
import { loadedTensors } from './loaded-tensors.js';
import { MetadataReader } from './metadata-reader.js';
import { loadFile, type LoadedFile } from './offload/offload.js';
import { loadedBytes, WeightIndex, Weights } from './weights.js';

/** The tensors of a file that are loaded. */
interface LoadedTensors {
  readonly count: number;
  /** Bytes of them on a CPU. */
  readonly bytes: number;
  readonly file: () => LoadedFile;
}

/** A model's file. */
export class ModelFile {
  readonly architectureName: string;
  readonly architecture: Architecture;
  readonly hp: Hyperparameters;
  readonly index: WeightIndex;
  /** Weights without a place: all graphs that are not spread over devices read the same tensors. */
  readonly weights: Weights;
  readonly #loaded = new Map<boolean, LoadedTensors>();
  #isChecked = false;

  /** @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL` */
  constructor(readonly gguf: Gguf) {
    const reader = new MetadataReader(gguf);
    this.architectureName = reader.architecture;
    this.architecture = architectureOf(reader);
    this.hp = this.architecture.read(reader);
    this.index = new WeightIndex(gguf);
    this.weights = new Weights(this.index);
  }

  /** @param hasPredictLayers whether the layers that predict further tokens are loaded, too */
  loaded(hasPredictLayers: boolean): LoadedTensors {
    let found = this.#loaded.get(hasPredictLayers);
    if (found !== undefined) return found;
    const tensors = loadedTensors(this.gguf, hasPredictLayers);
    let file: LoadedFile | null = null;
    found = {
      count: tensors.length,
      bytes: loadedBytes(tensors),
      file: () => (file ??= loadFile(this.gguf, tensors, this.hp)),
    };
    this.#loaded.set(hasPredictLayers, found);
    return found;
  }

  /** Checks once that a graph has asked for all weights. @throws PlannerError `BAD_MODEL` */
  checkWeights(used: Weights): void {
    if (!this.#isChecked) used.requireNoStrangers();
    this.#isChecked = true;
  }
}

/** @throws PlannerError `UNKNOWN_ARCHITECTURE` */
export function architectureOf({ architecture: name }: MetadataReader): Architecture {
  const found = ARCHITECTURES.get(name);
  if (found !== undefined) return found;
  const names = [...ARCHITECTURES.keys()];
  const nearest = nearestName(name, names);
  throw new PlannerError('UNKNOWN_ARCHITECTURE', {
    message: `\`general.architecture\` is ${shown(name)}, which this library cannot build.`,
    culprit: 'general.architecture',
    value: name,
    limit: `one of the ${names.length} that it builds`,
    remedy:
      nearest === null
        ? 'Its weights can be measured all the same; a newer version may know more.'
        : `Of those that it builds, ${nearest} has the nearest name. The weights of any can be measured.`,
  });
}
