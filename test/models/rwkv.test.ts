/** RWKV: models that keep a matrix per head and the last rows of each sequence. */
import { expect, it } from 'vitest';
import { readGguf } from '../../src/gguf/gguf.js';
import type { Gguf, GgufValue } from '../../src/gguf/types.js';
import { measureModel, type ModelOptions } from '../../src/models/index.js';
import { expectError } from '../support/expect-error.js';
import { describeShared, sharedPath } from '../support/shared.js';

interface Changes {
  readonly keys?: Readonly<Record<string, GgufValue>>;
  /** Ends of the names of tensors to leave out. */
  readonly drop?: readonly string[];
}

/** A header of two layers of 256 elements, with heads of 128. */
async function header(name: string, { keys = {}, drop = [] }: Changes = {}): Promise<Gguf> {
  const gguf = await readGguf(sharedPath('archs', `${name}.gguf`));
  const architecture = String(gguf.metadata['general.architecture']);
  const own = Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value]);
  const metadata = { ...gguf.metadata, ...(Object.fromEntries(own) as Record<string, GgufValue>) };
  const tensors = gguf.tensors.filter((tensor) => !drop.some((end) => tensor.name.endsWith(end)));
  return { ...gguf, metadata, tensors };
}

function ops(gguf: Gguf, op: string, options: ModelOptions = {}): number {
  return measureModel(gguf, { ctxSize: 512, ...options }).graph.nodes.filter((node) => node.op === op).length;
}

describeShared('RWKV', () => {
  it.each([
    ['rwkv6', 2],
    ['rwkv6qwen2', 1],
    ['rwkv7', 2],
    ['arwkv7', 1],
  ])('keeps of each sequence one row per shift and a matrix per head: %s', async (name, shifts) => {
    const gguf = await header(name);
    const { context, isRecurrent } = measureModel(gguf, { ctxSize: 512, parallel: 3 });
    expect(context).toBe(2 * 3 * (shifts * 256 + 256 * 128) * 4);
    expect(isRecurrent).toBe(true);
  });

  it('halves what every so many layers of RWKV 6 give', async () => {
    const plain = ops(await header('rwkv6'), 'SCALE');
    expect(ops(await header('rwkv6', { keys: { rescale_every_n_layers: 2 } }), 'SCALE')).toBe(plain + 1);
    expect(ops(await header('rwkv6', { keys: { rescale_every_n_layers: 1 } }), 'SCALE')).toBe(plain + 2);
  });

  it('repeats heads that several others share', async () => {
    const gguf = await header('rwkv6qwen2-min', { keys: { 'attention.head_count_kv': 1 } });
    const narrow = gguf.tensors.map((tensor) => {
      const isShared = /time_mix_(key|value)\.weight$/.test(tensor.name);
      return isShared ? { ...tensor, ne: [256, 128, 1, 1] as const, bytes: tensor.bytes / 2 } : tensor;
    });
    expect(ops({ ...gguf, tensors: narrow }, 'REPEAT')).toBe(4);
  });

  it('mixes five rows instead of six where the gate of a turned Qwen is missing', async () => {
    const gguf = await header('arwkv7', { drop: ['time_mix_g1.weight', 'time_mix_g2.weight'] });
    const tensors = gguf.tensors.map((tensor) => {
      const isFused = tensor.name.endsWith('time_mix_lerp_fused.weight');
      return isFused ? { ...tensor, ne: [256, 1, 1, 5] as const, bytes: (tensor.bytes * 5) / 6 } : tensor;
    });
    const gated = ops(await header('arwkv7'), 'MUL_MAT');
    expect(ops({ ...gguf, tensors }, 'MUL_MAT')).toBe(gated - 2 * 2);
  });
});

describeShared('refused, by the name of what is at fault', () => {
  it.each<[string, string, Changes, string]>([
    ['heads that do not fill a row', 'rwkv7', { keys: { 'wkv.head_size': 96 } }, 'rwkv7.wkv.head_size'],
    ['one shift where there are two', 'rwkv6', { keys: { token_shift_count: 1 } }, 'rwkv6.token_shift_count'],
    ['two shifts where there is one', 'arwkv7', { keys: { token_shift_count: 2 } }, 'arwkv7.token_shift_count'],
    ['no bias of the final norm', 'rwkv7', { drop: ['output_norm.bias'] }, 'output_norm.bias'],
    [
      'no weights of mixtures',
      'rwkv6',
      { drop: ['lerp_fused.weight', 'lerp_w.weight'] },
      'blk.0.time_mix_lerp_w.weight',
    ],
    [
      'a mixture for a gate that is not there',
      'arwkv7',
      { drop: ['mix_g1.weight'] },
      'blk.0.time_mix_lerp_fused.weight',
    ],
    ['no values of the first layer', 'rwkv7', { drop: ['blk.0.time_mix_v1.weight'] }, 'blk.0.time_mix_v1.weight'],
  ])('%s: %s', async (_, name, changes, culprit) => {
    const gguf = await header(name, changes);
    expectError('BAD_MODEL', culprit, () => measureModel(gguf));
  });
});
