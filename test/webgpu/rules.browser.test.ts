/** WebGPU's own word on the rules that plans keep: the same plan with one of them broken is refused. */
import { expect, it } from 'vitest';
import { describeBrowser } from '../support/browser.js';
import { GpuPage } from '../support/webgpu/gpu-page.js';

describeBrowser('the rules of WebGPU', () => {
  const page = new GpuPage();

  it('hold for the bindings of a plan', async () => {
    const { value, errors } = await page.call('runDamaged', 'none');
    expect(value).toBeNull();
    expect(errors).toEqual([]);
  });

  it.each([
    ['a reused range bound twice', /aliasing/],
    ['read-only beside read-write in one buffer', /usage.*synchronization scope/s],
    ['an offset of 128', /256/],
    ['a size of no whole words', /multiple of 4/],
    ['bytes behind the buffer', /larger than|does not fit|out of/i],
  ] as const)('are broken by %s, which the browser refuses', async (damage, words) => {
    const { value } = await page.call('runDamaged', damage);
    expect(value).toMatch(words);
  });
});
