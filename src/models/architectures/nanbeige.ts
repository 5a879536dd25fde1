/**
 * Nanbeige: Llama whose tokens may go through all layers several times, each time with a cache of its own.
 */
import { norm } from '../blocks/norm.js';
import { decoder, decoderLayer } from '../decoder/decoder.js';
import type { Block, DecoderInputs, DecoderRecipe } from '../decoder/recipe.js';
import { withHeads, type Hyperparameters } from '../hyperparameters.js';
import { MAX_LAYERS, type MetadataReader } from '../metadata-reader.js';
import { Layer, type ModelBuilder } from '../model-builder.js';

interface LoopHyperparameters extends Hyperparameters {
  /** Layers that the file holds. */
  readonly storedLayers: number;
  /** Whether the final norm ends every loop, not the last alone. */
  readonly normsLoops: boolean;
}

const NANBEIGE: DecoderRecipe<LoopHyperparameters> = {
  rope: { factors: 'plain' },
  attention: { label: 'attn_out' },
  feedForward: { isScaled: true },
};

export const nanbeige = decoder<LoopHyperparameters>({
  ...NANBEIGE,
  layer: loopedLayer,
  graphRoom: { perToken: 40, perWeight: 32 },
  adjust: withLoops,
});

/** The layers that tokens go through, counted once for every loop. */
function withLoops(hp: Hyperparameters, reader: MetadataReader): LoopHyperparameters {
  const loops = reader.positive('num_loops', 1);
  const normsLoops = !reader.flag('skip_loop_final_norm', false);
  const { layerCount: storedLayers, attention, feedForwardLengths } = hp;
  const layerCount = loops * storedLayers;
  if (layerCount > MAX_LAYERS) reader.refuse('num_loops', `at most ${Math.floor(MAX_LAYERS / storedLayers)}`);
  const repeated = <T>(perLayer: readonly T[]): T[] => Array.from({ length: loops }, () => perLayer).flat();
  const all = {
    ...hp,
    layerCount,
    attention: { ...attention, layers: repeated(attention.layers) },
    feedForwardLengths: repeated(feedForwardLengths),
  };
  return { ...withHeads(all, (_, layer) => ({ cacheLayer: layer })), storedLayers, normsLoops };
}

/** A layer with the weights of the one that the file holds; the last of a loop, normalised. */
function loopedLayer(m: ModelBuilder<LoopHyperparameters>, inputs: DecoderInputs): Block<LoopHyperparameters> {
  const plain = decoderLayer(NANBEIGE)(m, inputs);
  const { storedLayers, normsLoops } = m.hp;
  return ({ index, isLast }, x) => {
    const s = new Layer(m, index, { source: index % storedLayers });
    const result = plain(s, x);
    const endsLoop = (index + 1) % storedLayers === 0;
    if (isLast || !endsLoop || !normsLoops) return result;
    return s.named(norm(m.top, 'output_norm', result, {}, s), 'loop_norm');
  };
}
