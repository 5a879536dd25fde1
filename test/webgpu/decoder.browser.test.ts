/** A decoder with a KV cache on a real device: one arena, reserved once, poisoned before the first token. */
import { expect, it } from 'vitest';
import { describeBrowser } from '../support/browser.js';
import { GpuPage } from '../support/webgpu/gpu-page.js';

const TOKENS = 14;

describeBrowser('a decoder on WebGPU', () => {
  const page = new GpuPage();

  it('decodes as the reference executor does, without planning anew and without another buffer', async () => {
    const { value, errors } = await page.call('decodeTokens', TOKENS);
    console.log(value);
    expect(errors).toEqual([]);
  });
});
