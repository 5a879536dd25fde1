/** The engine of examples/run-on-webgpu.ts on a real device, beside the same model in plain arithmetic. */
import { expect, it, vi } from 'vitest';
import { describeBrowser } from '../support/browser.js';
import { GpuPage } from '../support/webgpu/gpu-page.js';

describeBrowser('the example of an engine on WebGPU', () => {
  const page = new GpuPage();

  it('generates the tokens of plain arithmetic, in an arena that grows', async () => {
    const { value, errors } = await page.call('runExample');
    expect(errors).toEqual([]);
    expect(value.arenas).toBe(16);
    expect(value.tokens).toEqual(await tokensByHand());
    expect(new Set(value.tokens).size).toBeGreaterThan(10);
  });
});

async function tokensByHand(): Promise<number[]> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const { WIDTH, WORDS, TOKENS, weight } = await import('../../examples/run-on-webgpu.js');
  log.mockRestore();
  const product = (name: string, rows: number, x: readonly number[]): number[] =>
    Array.from({ length: rows }, (_, row) => x.reduce((sum, each, k) => sum + weight(name, row * WIDTH + k) * each, 0));
  const [keys, values]: number[][][] = [[], []];
  const tokens = [0];
  for (let past = 0; past < TOKENS; past++) {
    const x = Array.from({ length: WIDTH }, (_, i) => weight('table', tokens[past] * WIDTH + i));
    keys.push(product('wk', WIDTH, x));
    values.push(product('wv', WIDTH, x));
    const q = product('wq', WIDTH, x);
    const powers = keys.map((key, cell) =>
      Math.exp(key.reduce((sum, each, i) => sum + each * q[i], 0) / 4 - 0.1 * (past - cell)),
    );
    const total = powers.reduce((sum, power) => sum + power, 0);
    const mixed = x.map((_, i) => values.reduce((sum, value, cell) => sum + (powers[cell] / total) * value[i], 0));
    const logits = product('head', WORDS, mixed);
    tokens.push(logits.indexOf(Math.max(...logits)));
  }
  return tokens;
}
