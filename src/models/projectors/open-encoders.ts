/**
 * From the header of a projector to the graphs of its encoders.
 *
 * Invariant: which encoders there are, and what each is given when llama.cpp reserves memory, are as in `clip_init` and
 * `clip_model_loader::warmup`.
 */
import { PlannerError } from '../../errors.js';
import type { Gguf } from '../../gguf/types.js';
import type { Graph } from '../../graph/graph.js';
import { asModelErrors } from '../model-errors.js';
import { MetadataReader } from '../metadata-reader.js';
import { Encoder, type EncoderInput } from './encoder.js';
import { readNumbers, type EncoderNumbers, type Modality } from './numbers.js';
import type { ProjectorRecipe } from './recipe.js';
import { RECIPES } from './recipes.js';
import { EncoderWeights } from './weights.js';

/** An encoder that a file holds. */
export interface FoundEncoder {
  readonly modality: Modality;
  /** The kind of the projector, as the file names it. */
  readonly projector: string;
  /** Null: its graph is not known. */
  readonly open: (() => OpenEncoder) | null;
}

/** An encoder whose numbers were read. */
export interface OpenEncoder {
  /** What memory is reserved for. */
  readonly given: EncoderInput;
  /** Builds the graph. @throws PlannerError `BAD_MODEL` */
  readonly build: (flashAttention: boolean) => EncoderGraph;
}

export interface EncoderGraph {
  readonly graph: Graph;
  readonly weights: EncoderWeights;
}

const MODALITIES: readonly Modality[] = ['vision', 'audio'];
/** Frames of the sound that memory is reserved for. */
const SOUND_FRAMES = 3000;
/** How many nodes, and how many leafs, llama.cpp has room for. */
const MAX_NODES = 8192;

/** @throws PlannerError `BAD_MODEL` if a key is missing or wrong */
export function findEncoders(gguf: Gguf): readonly FoundEncoder[] {
  const reader = new MetadataReader(gguf);
  return MODALITIES.filter((modality) => reader.flag(`has_${modality}_encoder`, false)).map((modality) => {
    const common = reader.text('projector_type', '');
    const projector = common === '' ? reader.text(`${modality}.projector_type`, '') : common;
    const recipe = RECIPES.get(OMNI[projector]?.[modality] ?? projector);
    const isKnown = recipe !== undefined && (recipe.modality ?? 'vision') === modality;
    return {
      modality,
      projector,
      open: isKnown ? (): OpenEncoder => openEncoder(gguf, reader, recipe, modality) : null,
    };
  });
}

/** Names that stand for two kinds, one for each modality. */
const OMNI: Readonly<Record<string, Readonly<Record<Modality, string>> | undefined>> = {
  'qwen2.5o': { vision: 'qwen2.5vl_merger', audio: 'qwen2a' },
};

function openEncoder(gguf: Gguf, reader: MetadataReader, recipe: ProjectorRecipe, modality: Modality): OpenEncoder {
  const common = readNumbers(reader, modality);
  const merged = { ...common, merge: mergeOf(reader, recipe) };
  const numbers = recipe.adjust?.(merged, reader, new EncoderWeights(gguf)) ?? merged;
  const given = warmupOf(numbers, reader, recipe);
  return {
    given,
    build: (flashAttention) => {
      const weights = new EncoderWeights(gguf);
      const encoder = new Encoder(numbers, reader, given, flashAttention, weights);
      const { graph } = encoder;
      asModelErrors(() => graph.expand(recipe.build(encoder)));
      checkSize(graph);
      return { graph, weights };
    },
  };
}

function mergeOf(reader: MetadataReader, { merge }: ProjectorRecipe): number {
  if (merge?.key === undefined) return merge?.otherwise ?? 1;
  return reader.positive(`vision.${merge.key}`, merge.otherwise);
}

function warmupOf(numbers: EncoderNumbers, reader: MetadataReader, { warmup }: ProjectorRecipe): EncoderInput {
  if (numbers.modality === 'audio') return { width: SOUND_FRAMES, height: numbers.binCount };
  const side = typeof warmup === 'number' ? warmup * numbers.patchSize * numbers.merge : warmup?.(numbers, reader);
  return { width: side ?? numbers.imageSize, height: side ?? numbers.imageSize };
}

function checkSize({ nodes, leafs }: Graph): void {
  const count = Math.max(nodes.length, leafs.length);
  if (count <= MAX_NODES) return;
  throw new PlannerError('BAD_MODEL', {
    message: `The encoder’s graph has ${count} tensors of a kind, but llama.cpp has room for ${MAX_NODES}.`,
    culprit: 'block_count',
    value: count,
    limit: `at most ${MAX_NODES}`,
    remedy: 'The file is damaged or made by a foreign converter: convert the model again.',
  });
}
