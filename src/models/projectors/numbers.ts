/**
 * The numbers that every encoder of a projector has.
 *
 * Invariant: keys, defaults and limits are those of `clip_model_loader::load_hparams`.
 */
import { MAX_LAYERS, type MetadataReader } from '../metadata-reader.js';

/** What an encoder reads. */
export type Modality = 'vision' | 'audio';

/** What lies between the two matrices of a feed-forward network. */
export type Activation = 'gelu' | 'gelu_erf' | 'gelu_quick' | 'silu' | 'relu_sqr';

export interface EncoderNumbers {
  readonly modality: Modality;
  /** What the names of its weights begin with. */
  readonly prefix: 'v' | 'a';
  /** Elements of a row. */
  readonly length: number;
  readonly headCount: number;
  readonly kvHeadCount: number;
  readonly headLength: number;
  readonly layerCount: number;
  /** Elements of a row behind the projector, where the file says so. */
  readonly projectionLength: number;
  readonly epsilon: number;
  readonly activation: Activation;
  /** Pixels along one side of the images that the model was trained on; 0 for sound. */
  readonly imageSize: number;
  /** Pixels along one side of a patch; 1 for sound. */
  readonly patchSize: number;
  /** Numbers of each frame of a sound; 0 for images. */
  readonly binCount: number;
  /** Patches along one side of what becomes one token. */
  readonly merge: number;
}

/** Largest values that llama.cpp takes. */
const MAX_IMAGE_SIZE = 8192;
const MAX_PATCH_SIZE = 65535;

/** @throws PlannerError `BAD_MODEL` */
export function readNumbers(reader: MetadataReader, modality: Modality): EncoderNumbers {
  const key = (name: string): string => `${modality}.${name}`;
  const isVision = modality === 'vision';
  const length = reader.positive(key('embedding_length'));
  const headCount = reader.integer(key('attention.head_count'));
  reader.integer(key('feed_forward_length'));
  const imageSize = isVision ? reader.integer(key('image_size')) : 0;
  if (imageSize > MAX_IMAGE_SIZE) reader.refuse(key('image_size'), `at most ${MAX_IMAGE_SIZE}`);
  const patchSize = isVision ? reader.positive(key('patch_size')) : 1;
  if (patchSize > MAX_PATCH_SIZE) reader.refuse(key('patch_size'), `at most ${MAX_PATCH_SIZE}`);
  const layerCount = reader.integer(key('block_count'));
  if (layerCount > MAX_LAYERS) reader.refuse(key('block_count'), `at most ${MAX_LAYERS}`);
  const ownLength = reader.integer(key('attention.head_dim'), 0);
  return {
    modality,
    prefix: isVision ? 'v' : 'a',
    length,
    headCount,
    kvHeadCount: reader.integer(key('attention.head_count_kv'), headCount),
    headLength: ownLength > 0 || headCount === 0 ? ownLength : Math.floor(length / headCount),
    layerCount,
    projectionLength: reader.integer(key('projection_dim')),
    epsilon: reader.number(key('attention.layer_norm_epsilon')),
    activation: activationOf(reader),
    imageSize,
    patchSize,
    binCount: isVision ? 0 : reader.positive('audio.num_mel_bins'),
    merge: 1,
  };
}

function activationOf(reader: MetadataReader): Activation {
  const [isGelu, isSilu] = [reader.flag('use_gelu', false), reader.flag('use_silu', false)];
  if (isGelu && isSilu) reader.refuse('use_silu', 'false where use_gelu is true');
  if (isGelu) return 'gelu';
  return isSilu ? 'silu' : 'gelu_quick';
}
