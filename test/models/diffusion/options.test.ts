/** What `measureDiffusion` makes of its options, and what it refuses. */
import { describe, expect, it } from 'vitest';
import {
  DIFFUSION_MODELS,
  measureDiffusion,
  type DiffusionModel,
  type DiffusionModelName,
  type DiffusionOptions,
  type PartMeasurement,
  type ResolvedDiffusionOptions,
} from '../../../src/models/diffusion/index.js';
import { expectError } from '../../support/expect-error.js';

const NAMES = Object.keys(DIFFUSION_MODELS) as DiffusionModelName[];

function resolved(options: Partial<DiffusionOptions>): ResolvedDiffusionOptions {
  return measureDiffusion({ model: 'sd1.5', width: 512, height: 512, ...options }).run;
}

describe('sizes are rounded as stable-diffusion.cpp rounds them:', () => {
  it.each<[DiffusionModelName, number, number]>([
    ['sd1.5', 500, 512],
    ['sdxl', 1025, 1088],
    ['sd3.5-large', 1001, 1008],
    ['flux1-dev', 1000, 1000],
    ['wan2.1-t2v-1.3b', 470, 480],
    ['wan2.2-ti2v-5b', 700, 704],
  ])('%s from %i to %i pixels', (model, wanted, applied) => {
    const { width, height } = resolved({ model, width: wanted, height: 1 });
    expect(width).toBe(applied);
    expect(height).toBe(DIFFUSION_MODELS[model].sizeMultiple);
  });

  it.each<[DiffusionModelName, number, number]>([
    ['wan2.1-t2v-14b', 84, 81],
    ['wan2.1-t2v-14b', 81, 81],
    ['wan2.2-ti2v-5b', 4, 1],
    ['sd1.5-animatediff-v3', 16, 16],
    ['sd1.5-animatediff-v3', 40, 32],
  ])('%s from %i to %i frames', (model, wanted, applied) => {
    expect(resolved({ model, videoFrames: wanted }).videoFrames).toBe(applied);
  });
});

describe('every model that is known by name', () => {
  it.each(NAMES)('%s is measured, and needs no more with tiles', (model) => {
    const { encoders, diffusion, vae, run } = measureDiffusion({ model, width: 512, height: 512 });
    for (const part of [...encoders, ...diffusion, vae.decode, vae.encode]) {
      expect(part.weights).toBeGreaterThan(0);
      expect(part.compute).toBeGreaterThan(0);
      expect(part.total).toBe(part.weights + part.compute);
      expect(part.measurement.bufferSize).toBe(part.compute);
    }
    expect(vae.decodeTiled.compute).toBeLessThanOrEqual(vae.decode.compute);
    expect(run.name).toBe(model);
  });
});

describe('options change what they are about, and nothing else:', () => {
  const sizes = (options: Partial<DiffusionOptions>): Readonly<Record<string, string>> => {
    const { encoders, diffusion, vae } = measureDiffusion({ model: 'sdxl', width: 1024, height: 1024, ...options });
    const sizeOf = ({ compute, graph }: PartMeasurement): string => `${compute} bytes of ${graph.nodes.length} nodes`;
    return {
      encoders: encoders.map(sizeOf).join(', '),
      diffusion: sizeOf(diffusion[0]),
      decode: sizeOf(vae.decode),
      decodeTiled: sizeOf(vae.decodeTiled),
      encode: sizeOf(vae.encode),
      weights: `${diffusion[0].weights} bytes`,
    };
  };
  const plain = sizes({});
  const changed = (options: Partial<DiffusionOptions>): string[] =>
    Object.entries(sizes(options)).flatMap(([name, size]) => (size === plain[name] ? [] : [name]));

  it.each<[Partial<DiffusionOptions>, string[]]>([
    [{ diffusionFlashAttention: true }, ['diffusion']],
    [{ flashAttention: true }, ['diffusion', 'decode', 'decodeTiled', 'encode']],
    [{ diffusionConvDirect: true }, ['diffusion']],
    [{ vaeConvDirect: true }, ['decode', 'decodeTiled', 'encode']],
    [{ hasOwnVae: true }, ['decode', 'decodeTiled', 'encode']],
    [{ vaeTileSize: { width: 64, height: 64 } }, ['decodeTiled']],
    [{ type: 'q8_0' }, ['weights']],
    [{ promptChunks: 2 }, ['diffusion']],
    [{ width: 960 }, ['diffusion', 'decode', 'encode']],
  ])('%j', (options, names) => {
    expect(changed(options)).toEqual(names);
  });
});

describe('tiles', () => {
  it('are no larger than the image', () => {
    const { vae } = measureDiffusion({ model: 'flux1-dev', width: 200, height: 120 });
    expect(vae.decodeTiled.compute).toBe(vae.decode.compute);
    expect(vae.encodeTiled.compute).toBe(vae.encode.compute);
  });

  it('answer whether an image of 1024 × 1024 pixels needs them', () => {
    const { vae } = measureDiffusion({ model: 'sd1.5', width: 1024, height: 1024 });
    const room = 4 * 2 ** 30;
    expect(vae.decode.total).toBeGreaterThan(room);
    expect(vae.decodeTiled.total).toBeLessThan(room);
  });
});

describe('a model of one’s own numbers', () => {
  const SD = DIFFUSION_MODELS['sd1.5'];

  it('is measured as one of a name is', () => {
    const own = measureDiffusion({ model: SD, width: 512, height: 512 });
    const known = measureDiffusion({ model: 'sd1.5', width: 512, height: 512 });
    expect(own.run.name).toBeNull();
    expect(own.diffusion[0].compute).toBe(known.diffusion[0].compute);
  });

  it.each<[string, unknown, string]>([
    ['a model without an autoencoder', { ...SD, autoencoder: undefined }, 'model.autoencoder'],
    ['a kind that is none', { ...SD, denoiser: { ...SD.denoiser, kind: 'u-net' } }, 'model.denoiser.kind'],
    ['half a channel', { ...SD, denoiser: { ...SD.denoiser, channels: 0.5 } }, 'model.denoiser.channels'],
    ['a level that is no list', { ...SD, denoiser: { ...SD.denoiser, depthsUp: [3] } }, 'model.denoiser.depthsUp[0]'],
    [
      'a word for a flag',
      { ...SD, denoiser: { ...SD.denoiser, hasLinearProjection: 'no' } },
      'model.denoiser.hasLinearProjection',
    ],
    [
      'two ways to say heads',
      { ...SD, denoiser: { ...SD.denoiser, heads: { count: 8, length: 40 } } },
      'model.denoiser.heads',
    ],
    ['an encoder without runs', { ...SD, encoders: [{ ...SD.encoders[0], runs: null }] }, 'model.encoders[0].runs'],
    ['an encoder without a name', { ...SD, encoders: [{ ...SD.encoders[0], name: 5 }] }, 'model.encoders[0].name'],
    ['a model without a diffusion model', { ...SD, denoiserNames: [] }, 'model.denoiserNames'],
    ['a scale of 0', { ...SD, convolutionScale: 0 }, 'model.convolutionScale'],
    ['a list', [], 'model'],
  ])('may not be %s', (_, model, culprit) => {
    const call = (): unknown => measureDiffusion({ model: model as DiffusionModel, width: 512, height: 512 });
    expectError('BAD_ARGUMENT', culprit, call);
  });

  it('says so where numbers do not fit each other', () => {
    const denoiser = { ...SD.denoiser, heads: { count: 7 } } as DiffusionModel['denoiser'];
    const { diffusion } = measureDiffusion({ model: { ...SD, denoiser }, width: 512, height: 512 });
    expect(() => diffusion[0].compute).toThrow(/RESHAPE/);
  });
});

describe('options that are refused', () => {
  it.each<[Partial<DiffusionOptions>, string]>([
    [{ model: 'sd1.6' as DiffusionModelName }, 'model'],
    [{ width: 0 }, 'width'],
    [{ height: 65537 }, 'height'],
    [{ width: 512.5 }, 'width'],
    [{ videoFrames: 2 }, 'videoFrames'],
    [{ model: 'wan2.1-t2v-14b', videoFrames: 1025 }, 'videoFrames'],
    [{ promptChunks: 0 }, 'promptChunks'],
    [{ type: 'i32' as 'f16' }, 'type'],
    [{ flashAttention: 'auto' as unknown as boolean }, 'flashAttention'],
    [{ vaeTileSize: { width: 3, height: 32 } }, 'vaeTileSize.width'],
    [{ model: 'sd3-medium', width: 4096 }, 'width'],
    [{ files: { unet: {} as never } }, 'gguf'],
    [{ files: { 'clip-g': { name: 'g', metadata: {}, tensors: [] } } }, '"clip-g" of files'],
    [{ steps: 20 } as Partial<DiffusionOptions>, 'steps'],
  ])('%j', (options, culprit) => {
    expectError('BAD_ARGUMENT', culprit, () => resolved(options));
  });
});
