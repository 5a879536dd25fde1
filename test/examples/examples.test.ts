/** Every example is run as a reader would run it, and says what is true. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { measureModel } from '../../src/models/index.js';
import { readGguf } from '../../src/gguf/index.js';
import { describeBrowser, launchBrowser } from '../support/browser.js';
import { projectPath } from '../support/shared.js';
import { serveFolder, type StaticServer } from '../support/static-server.js';

const MODEL = projectPath('examples/phi-3-mini-4k.gguf');
const original = process.argv;

/** Runs an example with these arguments and returns what it prints. */
async function output(name: string, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line = '') => void lines.push(String(line)));
  process.argv = [...original.slice(0, 2), ...args];
  try {
    vi.resetModules();
    await import(/* @vite-ignore */ projectPath('examples', `${name}.ts`));
  } finally {
    log.mockRestore();
  }
  return lines.join('\n');
}

afterEach(() => {
  process.argv = original;
});

describe('examples', () => {
  it('size-a-model: agrees with measureModel, and with the memory that there is', async () => {
    const text = await output('size-a-model', MODEL, '4');
    const { total } = measureModel(await readGguf(MODEL), { ctxSize: 4096 });
    const row = text.split('\n').find((line) => line.startsWith('   4096  f16'))!;
    expect(row).toContain((total / 2 ** 30).toFixed(2));
    expect(row.endsWith('fits')).toBe(total <= 4 * 2 ** 30);
    expect(text).toContain('does not fit');
    expect(await output('size-a-model', MODEL, '1')).not.toMatch(/ {2}fits$/m);
  });

  it('run-a-network: computes exclusive or, reusing bytes', async () => {
    const text = await output('run-a-network');
    expect(text).toContain('violations: 0');
    expect(text).toContain('node_1 shares the bytes of node_0 (reuse)');
    expect(text).toContain('answers: 0 1 1 0');
  });

  it('train-a-network: learns exclusive or in one arena', async () => {
    const text = await output('train-a-network');
    expect(text).toContain('violations: 0');
    expect(text).toContain('answers: 0 1 1 0');
    expect(text).toContain('same bits in separate memory: true');
  });

  it('run-in-webassembly: computes exclusive or for two batches, in one memory', async () => {
    const text = await output('run-in-webassembly');
    expect(text.split('\n')).toEqual([
      'arena: 64 bytes from byte 65536 of 131072',
      'violations: 0, answers: 0 1 1 0',
      'violations: 0, answers: 1',
      'planned anew: 0 times',
    ]);
  });

  it('run-on-webgpu: says what would run, and how its arena grows', async () => {
    const text = await output('run-on-webgpu');
    expect(text.split('\n')).toEqual([
      'dispatches for a token: EMBED, PROJECT, PROJECT, PROJECT, SCORES, MIX, PROJECT, LARGEST',
      'arena: 512 bytes at first, 4352 at the end',
    ]);
  });

  it('compare-allocators: the best comes first and is optimal, others are not', async () => {
    const [title, first, ...others] = (await output('compare-allocators')).split('\n');
    expect(title).toContain('16 buffers');
    expect(first).toMatch(/^auto .*\+0\.0 %/);
    expect(others.filter((line) => !line.includes('+0.0 %')).length).toBeGreaterThan(2);
  });

  it('export-graph: writes examples/attention.json', async () => {
    expect(`${await output('export-graph')}\n`).toBe(readFileSync(projectPath('examples/attention.json'), 'utf8'));
  });

  it('kv-cache: gives what attention over all tokens gives, without a copy', async () => {
    const text = await output('kv-cache');
    const expected = attentionByHand().map((row) => row.map((value) => value.toFixed(4)).join(' '));
    expect(text.split('\n').map((line) => /: (.*) \(/.exec(line)![1])).toEqual(expected);
    expect(text.match(/ 0 copies/g)).toHaveLength(3);
  });
});

/** The same attention in plain arithmetic, token by token. */
function attentionByHand(): number[][] {
  const random = (step: number): number => Math.fround(Math.sin(step * 12.9898) / 2);
  const product = (seed: number, x: number[]): number[] =>
    [0, 1, 2, 3].map((row) => x.reduce((sum, each, i) => sum + random(seed + 4 * row + i) * each, 0));
  const tokens = [0, 1, 2].map((position) => [0, 1, 2, 3].map((i) => random(7 * position + i)));
  return tokens.map((token, position) => {
    const query = product(0, token);
    const seen = tokens.slice(0, position + 1);
    const scores = seen.map((each) => Math.exp(product(100, each).reduce((sum, key, i) => sum + key * query[i], 0)));
    const total = scores.reduce((sum, score) => sum + score, 0);
    const values = seen.map((each) => product(200, each));
    return [0, 1, 2, 3].map((i) => values.reduce((sum, value, t) => sum + (scores[t] / total) * value[i], 0));
  });
}

describeBrowser('the page examples/does-it-fit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-arena-fit-'));
  let server: StaticServer;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    await build({
      root: projectPath('examples/does-it-fit'),
      logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true },
    });
    server = await serveFolder(folder);
    browser = await launchBrowser();
    page = await browser.newPage();
    await page.goto(server.url);
  });

  afterAll(async () => {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  it('says yes, no, and why not', async () => {
    const answer = page.locator('output');
    await page.setInputFiles('input[type=file]', MODEL);
    await answer.getByText('Yes: ').waitFor();
    const { total } = measureModel(await readGguf(MODEL), { ctxSize: 4096 });
    expect(await answer.innerText()).toContain(`Yes: ${(8 - total / 2 ** 30).toFixed(2)} GiB to spare.`);
    await page.getByLabel('Memory').fill('2');
    expect(await answer.innerText()).toContain('No: ');
    await page.setInputFiles('input[type=file]', { name: 'x.gguf', mimeType: '', buffer: Buffer.from('no model') });
    await answer.getByText('GGUF').waitFor();
    await page.getByLabel('Memory').fill('9');
    expect(await answer.innerText()).toContain('GGUF');
  });

  it('counts an empty field as no memory', async () => {
    await page.setInputFiles('input[type=file]', MODEL);
    await page.getByLabel('Memory').fill('');
    const { total } = measureModel(await readGguf(MODEL), { ctxSize: 4096 });
    await page
      .locator('output')
      .getByText(`No: ${(total / 2 ** 30).toFixed(2)} GiB too much.`)
      .waitFor();
  });
});
