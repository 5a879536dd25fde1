/**
 * The parts of models whose graphs stable-diffusion.cpp built: what each case of `stable-diffusion-cpp.csv` is.
 */
import {
  DIFFUSION_MODELS,
  measureDiffusion,
  type ClipRun,
  type DiffusionMeasurement,
  type DiffusionModel,
  type DiffusionModelName,
  type DiffusionOptions,
  type PartMeasurement,
} from '../../../src/models/diffusion/index.js';

/** One part of a model with its options. */
export type Case = () => PartMeasurement;

type Options = Partial<Omit<DiffusionOptions, 'model'>>;
type Pick = (measured: DiffusionMeasurement) => PartMeasurement;

const diffusion: Pick = ({ diffusion: [first] }) => first;
const decode: Pick = ({ vae }) => vae.decode;
const decodeTiled: Pick = ({ vae }) => vae.decodeTiled;
const encode: Pick = ({ vae }) => vae.encode;
const encodeTiled: Pick = ({ vae }) => vae.encodeTiled;
const encoder =
  (name: string): Pick =>
  ({ encoders }) =>
    encoders.find((each) => each.name === name)!;

function of(model: DiffusionModelName | DiffusionModel, pick: Pick, options: Options = {}): Case {
  return () => pick(measureDiffusion({ model, width: 512, height: 512, ...options }));
}

/** SDXL with one run of an encoder. */
function clipRun(name: string, run: ClipRun): Case {
  const encoders = DIFFUSION_MODELS.sdxl.encoders.flatMap((each) =>
    each.name === name && 'runs' in each ? [{ ...each, runs: [run] }] : [],
  );
  return of({ ...DIFFUSION_MODELS.sdxl, encoders }, encoder(name));
}

const SUMMARY: ClipRun = { skippedLayers: 1, hasFinalNorm: false, isPooled: true };
const ROWS: ClipRun = { skippedLayers: 1, hasFinalNorm: false, isPooled: false };

const FUSED = { flashAttention: true };
const XL = { width: 1024, height: 1024 };
const VIDEO = { width: 832, height: 480 };

export const CASES: Readonly<Record<string, Case>> = {
  'clip-g-pooled': clipRun('clip-g', SUMMARY),
  'clip-g-skip2': clipRun('clip-g', ROWS),
  'clip-h-skip2': of('sd2.1', encoder('clip-h'), { type: 'q8_0' }),
  'clip-l-pooled': of('flux1-dev', encoder('clip-l')),
  'clip-l-skip2': clipRun('clip-l', ROWS),
  'clip-vision-h': of('wan2.1-i2v-14b', encoder('clip-vision-h')),
  'flux-canny': of('flux1-control', diffusion, { width: 1016, height: 1000, ...FUSED }),
  'flux-fill': of('flux1-fill', diffusion, { ...XL, diffusionFlashAttention: true }),
  'flux-kontext': of('flux1-kontext', diffusion, { ...XL, ...FUSED }),
  'flux-nofa': of('flux1-dev', diffusion),
  'flux-schnell': of('flux1-schnell', diffusion, { width: 1024, height: 768, type: 'q4_K', ...FUSED }),
  'sd3-medium': of('sd3-medium', diffusion, XL),
  'sd35-medium': of('sd3.5-medium', diffusion, { width: 1024, height: 768, type: 'q8_0', ...FUSED }),
  't5-256-q4k': of('flux1-dev', encoder('t5xxl'), { type: 'q4_K' }),
  't5-77-q8': of('sd3.5-large', encoder('t5xxl'), { type: 'q8_0' }),
  'umt5-512-mask': of('wan2.1-t2v-14b', encoder('umt5xxl')),
  'unet-sd15-768x512': of('sd1.5', diffusion, { width: 768, promptChunks: 2 }),
  'unet-sd15-animatediff-mid': of('sd1.5-animatediff-v2', diffusion, { videoFrames: 16, ...FUSED }),
  'unet-sd15-animatediff-v3': of('sd1.5-animatediff-v3', diffusion, { videoFrames: 16 }),
  'unet-sd15-direct': of('sd1.5', diffusion, { diffusionConvDirect: true, ...FUSED }),
  'unet-sd15-inpaint': of('sd1.5-inpaint', diffusion, { type: 'q8_0', ...FUSED }),
  'unet-sd15-q4k': of('sd1.5', diffusion, { type: 'q4_K', ...FUSED }),
  'unet-sd21': of('sd2.1', diffusion, { width: 768, height: 768, ...FUSED }),
  'unet-sdxl-fa': of('sdxl', diffusion, { ...XL, ...FUSED }),
  'unet-ssd1b': of('ssd-1b', diffusion, { ...XL, ...FUSED }),
  'unet-vega': of('segmind-vega', diffusion, { ...XL, ...FUSED }),
  'vae-flux-dec': of('flux1-dev', decode, XL),
  'vae-flux-enc': of('flux1-dev', encode, { width: 1024, height: 768 }),
  'vae-sd15-dec-128': of('sd1.5', decode, XL),
  'vae-sd15-dec-direct': of('sd1.5', decode, { vaeConvDirect: true }),
  'vae-sd15-dec-fa': of('sd1.5', decode, { height: 384, ...FUSED }),
  'vae-sd15-enc': of('sd1.5', encode),
  'vae-sdxl-dec-scaled': of('sdxl', decode, XL),
  'vae-sdxl-dec-tile': of('sdxl', decodeTiled, XL),
  'vae-sdxl-enc-scaled': of('sdxl', encode, XL),
  'vae-sdxl-enc-tile': of('sdxl', encodeTiled, XL),
  'vae-sdxl-own-enc': of('sdxl', encode, { ...XL, hasOwnVae: true }),
  'wan21-i2v-14b': of('wan2.1-i2v-14b', diffusion, { width: 480, height: 832, videoFrames: 33, ...FUSED }),
  'wan21-t2v-14b': of('wan2.1-t2v-14b', diffusion, { ...VIDEO, videoFrames: 81, type: 'q8_0', ...FUSED }),
  'wan22-i2v-14b': of('wan2.2-i2v-14b', diffusion, { ...VIDEO, videoFrames: 33, ...FUSED }),
  'wan22-ti2v-5b': of('wan2.2-ti2v-5b', diffusion, { width: 1280, height: 704, videoFrames: 121, ...FUSED }),
  'wvae-21-dec-1': of('wan2.1-t2v-14b', decode, { width: 480, height: 832 }),
  'wvae-21-dec-9': of('wan2.1-t2v-14b', decode, { ...VIDEO, videoFrames: 33 }),
  'wvae-21-dec-tile': of('wan2.1-t2v-14b', decodeTiled, { ...VIDEO, videoFrames: 81 }),
  'wvae-21-enc-1': of('wan2.1-t2v-14b', encode, VIDEO),
  'wvae-21-enc-33': of('wan2.1-i2v-14b', encode, { ...VIDEO, videoFrames: 33 }),
  'wvae-21-enc-tile': of('wan2.2-i2v-14b', encodeTiled, { ...VIDEO, videoFrames: 33 }),
  'wvae-22-dec-5': of('wan2.2-ti2v-5b', decode, { width: 1280, height: 704, videoFrames: 17 }),
  'wvae-22-enc-9': of(
    {
      ...DIFFUSION_MODELS['wan2.2-ti2v-5b'],
      denoiser: { ...DIFFUSION_MODELS['wan2.2-ti2v-5b'].denoiser, conditionChannels: 1 },
    },
    encode,
    { width: 1280, height: 704, videoFrames: 9 },
  ),
};
