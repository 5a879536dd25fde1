/** Headers of files decide the types of weights, and say which model they are of. */
import { describe, expect, it } from 'vitest';
import type { Gguf } from '../../../src/gguf/types.js';
import { readGguf } from '../../../src/gguf/gguf.js';
import {
  DIFFUSION_MODELS,
  identifyDiffusionModel,
  measureDiffusion,
  type DiffusionModelName,
  type DiffusionOptions,
  type PartMeasurement,
} from '../../../src/models/diffusion/index.js';
import { elementType, type ElementTypeName } from '../../../src/tensor/element-type.js';
import { expectError } from '../../support/expect-error.js';
import { writeGguf } from '../../support/gguf-writer.js';

type Rename = (name: string) => string;

/** A file of the weights that a part reads, of one type wherever rows are whole blocks. */
function fileOf(part: PartMeasurement, type: ElementTypeName = 'f16', rename: Rename = (name) => name): Promise<Gguf> {
  const tensors = part.graph.leafs
    .filter(({ memory }) => memory === 'virtual')
    .map(({ name, ne }) => ({
      name: rename(name),
      ne,
      type: ne[0] % elementType(type).blockSize === 0 && ne[1] > 1 ? type : ('f16' as const),
    }));
  return readGguf(writeGguf({ tensors }));
}

const SMALL = { width: 64, height: 64 };

function denoiserOf(model: DiffusionModelName, options: Partial<DiffusionOptions> = {}): PartMeasurement {
  return measureDiffusion({ model, ...SMALL, ...options }).diffusion[0];
}

/** Models that no file tells from an earlier one: they read the same tensors. */
const ALIKE: Partial<Record<DiffusionModelName, DiffusionModelName>> = {
  'flux1-kontext': 'flux1-dev',
  'wan2.2-t2v-14b': 'wan2.1-t2v-14b',
};

describe('identifyDiffusionModel', () => {
  it.each(Object.keys(DIFFUSION_MODELS) as DiffusionModelName[])('knows a file of %s', async (model) => {
    const part = denoiserOf(model, { videoFrames: model.includes('animatediff') ? 2 : 1 });
    expect(identifyDiffusionModel(await fileOf(part))).toBe(ALIKE[model] ?? model);
  });

  it('knows a file of all parts', async () => {
    const rename: Rename = (name) => `model.diffusion_model.${name}`;
    expect(identifyDiffusionModel(await fileOf(denoiserOf('sd3.5-large'), 'q4_K', rename))).toBe('sd3.5-large');
  });

  it('knows no model of a file that lacks one tensor', async () => {
    const file = await fileOf(denoiserOf('flux1-schnell'));
    const lacking = { ...file, tensors: file.tensors.filter(({ name }) => name !== 'img_in.bias') };
    expect(identifyDiffusionModel(lacking)).toBeNull();
  });
});

describe('files of parts', () => {
  const options = { model: 'flux1-dev', ...SMALL } as const;

  it('decide the types of matrices, and of nothing else', async () => {
    const plain = measureDiffusion(options);
    const files = { flux: await fileOf(plain.diffusion[0], 'q4_K') };
    const { diffusion, encoders } = measureDiffusion({ ...options, files });
    const types = new Map(diffusion[0].graph.leafs.map(({ name, type }) => [name, type.name]));
    expect(types.get('img_in.weight')).toBe('f16'); // rows of 64 elements
    expect(types.get('txt_in.weight')).toBe('q4_K'); // which `type` would leave as it is
    expect(types.get('txt_in.bias')).toBe('f32');
    expect(diffusion[0].compute).toBe(plain.diffusion[0].compute);
    expect(diffusion[0].weights).toBeLessThan(plain.diffusion[0].weights / 3);
    expect(encoders.map(({ weights }) => weights)).toEqual(plain.encoders.map(({ weights }) => weights));
  });

  it('may have the names that llama.cpp’s converter gives to T5', async () => {
    const [, t5] = measureDiffusion(options).encoders;
    const rename: Rename = (name) =>
      name
        .replace('encoder.block.', 'enc.blk.')
        .replace('encoder.final_layer_norm', 'enc.output_norm')
        .replace('shared', 'token_embd')
        .replace('layer.0.SelfAttention.relative_attention_bias', 'attn_rel_b')
        .replace(/layer\.0\.SelfAttention\.(.)/, 'attn_$1')
        .replace('layer.0.layer_norm', 'attn_norm')
        .replace('layer.1.layer_norm', 'ffn_norm')
        .replace('layer.1.DenseReluDense.wi_0', 'ffn_gate')
        .replace('layer.1.DenseReluDense.wi_1', 'ffn_up')
        .replace('layer.1.DenseReluDense.wo', 'ffn_down');
    const files = { t5xxl: await fileOf(t5, 'q8_0', rename) };
    const [, measured] = measureDiffusion({ ...options, files }).encoders;
    expect(measured.weights).toBe(measureDiffusion({ ...options, type: 'q8_0' }).encoders[1].weights);
  });

  it('name a tensor that is not there', async () => {
    const files = { flux: await fileOf(denoiserOf('flux1-schnell')) };
    const { diffusion } = measureDiffusion({ ...options, files });
    expectError('BAD_MODEL', 'guidance_in.in_layer.weight', () => diffusion[0].weights);
  });

  it('name a tensor of another size', async () => {
    const files = { flux: await fileOf(denoiserOf('flux1-fill')) };
    const { diffusion } = measureDiffusion({ ...options, files });
    expectError('BAD_MODEL', 'img_in.weight', () => diffusion[0].weights);
  });
});
