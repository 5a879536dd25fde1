/** The web page in a real browser, as it is hosted: every number on it is the library's. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  ALLOCATORS,
  fitContext,
  formatPlacementCsv,
  graphFromJson,
  measureModel,
  parseProblemCsv,
  planGraph,
  renderMap,
} from '../../src/index.js';
import { readGguf } from '../../src/gguf/index.js';
import { describeBrowser, launchBrowser } from '../support/browser.js';
import { projectPath } from '../support/shared.js';
import { serveFolder, type StaticServer } from '../support/static-server.js';

const MODEL = projectPath('examples/phi-3-mini-4k.gguf');
const GRAPH = projectPath('examples/attention.json');
const PROBLEM = projectPath('examples/problem.csv');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const GIB = 2 ** 30;

const digits = (count: number): string => count.toLocaleString('en-GB');
const exampleGraph = () => graphFromJson(JSON.parse(readFileSync(GRAPH, 'utf8')));

describeBrowser('the web page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-arena-web-'));
  let server: StaticServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    await build({
      configFile: projectPath('web/vite.config.ts'),
      logLevel: 'error',
      build: { outDir: folder, emptyOutDir: true },
    });
    server = await serveFolder(folder);
    browser = await launchBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.setDefaultTimeout(30_000);
    page = await newPage();
  });

  beforeEach(async () => {
    problems.length = 0;
    await page.goto('about:blank');
    await openLink(page, '');
  });

  afterAll(async () => {
    await browser.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function newPage(): Promise<Page> {
    const opened = await context.newPage();
    opened.on('pageerror', (error) => problems.push(error.message));
    opened.on('console', (message) => problems.push(message.text()));
    opened.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !/^(blob|data):/.test(request.url())) problems.push(request.url());
    });
    return opened;
  }

  async function openLink(on: Page, hash: string): Promise<void> {
    await on.goto(server.url + hash);
    await settled(on);
  }

  async function settled(on = page): Promise<void> {
    await on.locator('#results[aria-busy=false]').waitFor();
    await on.locator('.tav-picture svg, #error:visible, #hint:visible').first().waitFor();
  }

  async function choose(file: string | { name: string; mimeType: string; buffer: Buffer }): Promise<void> {
    await page.setInputFiles('#file', file);
    await settled();
  }

  const bytes = (on = page): Promise<string[]> => on.locator('#sizes td:last-child').allInnerTexts();
  const error = (): Promise<string> => page.locator('#error').innerText();
  const bad = (name: string, text: string) => ({ name, mimeType: '', buffer: Buffer.from(text) });

  async function bytesOf(options: Parameters<typeof measureModel>[1], plan?: Parameters<typeof measureModel>[2]) {
    const { weights, context: cache, compute, total } = measureModel(await readGguf(MODEL), options, plan);
    return [weights, cache, compute, total].map(digits);
  }

  it('shows what measureModel says of the example', async () => {
    expect(await bytes()).toEqual(await bytesOf({}));
    expect(await page.locator('#verdict').innerText()).toContain('It fits');
    expect(await page.locator('#map svg').first().getAttribute('aria-label')).toContain('phi-3-mini-4k.gguf');
    expect(problems).toEqual([]);
  });

  it('follows the sliders, which the keyboard can move', async () => {
    await page.locator('#context-slider').focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press('ArrowLeft');
    const ctxSize = Number(await page.locator('#context').inputValue());
    expect(ctxSize).toBeLessThan(4096);
    const first = await bytesOf({ ctxSize });
    await expect.poll(() => bytes(), { timeout: 30_000 }).toEqual(first);
    await page.locator('#ubatch').focus();
    await page.keyboard.press('ArrowLeft');
    await page.locator('#key-type').selectOption('q8_0');
    await page.getByLabel('Flash attention').uncheck();
    await page.getByLabel('tensor-arena’s').check();
    const options = { ctxSize, ubatchSize: 256, cacheTypeK: 'q8_0', flashAttention: false };
    const second = await bytesOf(options, { allocator: 'auto', inPlace: 'full' });
    await expect.poll(() => bytes(), { timeout: 30_000 }).toEqual(second);
  });

  it('leaves a field alone while it is typed in, and puts it right afterwards', async () => {
    await page.locator('#context').fill('');
    await page.locator('#context').fill('1000');
    const expected = await bytesOf({ ctxSize: 1000 });
    await expect.poll(() => bytes(), { timeout: 30_000 }).toEqual(expected);
    await page.locator('#context').fill('');
    await page.locator('#memory').fill('-1');
    expect(await page.locator('#context').inputValue()).toBe('1000');
    await page.locator('#memory').press('Tab');
    expect(await page.locator('#memory').inputValue()).toBe('8');
    expect(await page.locator('#verdict').innerText()).toContain('It fits');
  });

  it('says what fits', async () => {
    await page.locator('#memory').fill('3');
    const { largest, largestCache } = fitContext(await readGguf(MODEL), 3 * GIB, {});
    expect(await page.locator('#verdict').innerText()).toContain('It does not fit');
    const tokens = digits(largest!.run.contextSize);
    await page.locator('#fit').getByText(`${tokens} tokens`).waitFor();
    const { keyType, valueType } = largestCache!.run;
    await page.getByRole('button', { name: `Cache ${keyType.name} / ${valueType.name}` }).click();
    await page.getByRole('heading', { name: 'It fits' }).waitFor();
    await page.locator('#key-type').selectOption('f16');
    await page.locator('#value-type').selectOption('f16');
    await page.locator('#fit').getByText(`${tokens} tokens`).waitFor();
    await page.getByRole('button', { name: 'Use it' }).click();
    await settled();
    expect(await bytes()).toEqual(await bytesOf({ ctxSize: largest!.run.contextSize }));
  });

  it('takes files of all kinds, and gets over bad ones', async () => {
    await choose(bad('broken.gguf', 'no model'));
    expect(await error()).toContain('BAD_GGUF: broken.gguf');
    expect(await page.locator('#answer').isHidden()).toBe(true);
    await choose(GRAPH);
    expect(await bytes()).toEqual([digits(planGraph(exampleGraph()).bufferSize)]);
    await page.locator('#in-place').selectOption('off');
    const off = digits(planGraph(exampleGraph(), { inPlace: 'off' }).bufferSize);
    await expect.poll(() => bytes(), { timeout: 30_000 }).toEqual([off]);
    await choose(bad('broken.json', '{'));
    expect(await error()).toContain('broken.json is not valid JSON');
    await choose(bad('other.json', '[]'));
    expect(await error()).toContain('BAD_DOCUMENT');
    await choose(bad('broken.csv', 'id,lower\n'));
    expect(await error()).toContain('BAD_CSV: row 1');
    await choose(bad('notes.txt', ''));
    expect(await error()).toContain('notes.txt is of an unknown kind');
    await choose(PROBLEM);
    expect(await page.locator('#error').isHidden()).toBe(true);
    const { problem } = parseProblemCsv(readFileSync(PROBLEM, 'utf8'));
    expect(await bytes()).toEqual([digits(ALLOCATORS.auto.place(problem).chunks[0])]);
    expect(problems).toEqual([]);
  });

  it('takes a file that is dropped', async () => {
    await choose(GRAPH);
    const base64 = readFileSync(MODEL).toString('base64');
    const transfer = await page.evaluateHandle((data) => {
      const list = new DataTransfer();
      const content = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      list.items.add(new File([content], 'dropped.gguf'));
      return list;
    }, base64);
    await page.dispatchEvent('body', 'dragover', { dataTransfer: transfer });
    await page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
    await settled();
    expect(await bytes()).toEqual(await bytesOf({}));
    await page.waitForFunction(() => location.hash.startsWith('#file=dropped.gguf'));
  });

  it('says why options do not go together, and goes on', async () => {
    await page.getByLabel('Flash attention').uncheck();
    await page.locator('#value-type').selectOption('q8_0');
    await page.locator('#error').waitFor();
    expect(await error()).toContain('cacheTypeV');
    await page.getByLabel('Flash attention').check();
    const expected = await bytesOf({ cacheTypeV: 'q8_0' });
    await expect.poll(() => bytes(), { timeout: 30_000 }).toEqual(expected);
    expect(await page.locator('#error').isHidden()).toBe(true);
  });

  it('is shared by its address', async () => {
    await page.locator('#context').fill('2048');
    await page.locator('#value-type').selectOption('q4_0');
    await page.locator('#memory').fill('2.5');
    await page.getByRole('button', { name: 'Copy link' }).click();
    await page.locator('#notice').getByText('The link is in').waitFor();
    await settled();
    const { hash } = new URL(page.url());
    const other = await newPage();
    await openLink(other, hash);
    expect(await bytes(other)).toEqual(await bytesOf({ ctxSize: 2048, cacheTypeV: 'q4_0' }));
    for (const id of ['#verdict', '#facts']) {
      expect(await other.locator(id).innerText()).toBe(await page.locator(id).innerText());
    }
    await other.evaluate(() => (location.hash = '#file=mine.gguf&context=512'));
    await other.getByText('This link is about mine.gguf').waitFor();
    await other.getByLabel('Flash attention').click();
    expect(await other.locator('#answer').isHidden()).toBe(true);
    expect(new URL(other.url()).hash).toBe('#file=mine.gguf&context=512');
    await other.setInputFiles('#file', { name: 'mine.gguf', mimeType: '', buffer: readFileSync(MODEL) });
    const expected = await bytesOf({ ctxSize: 512, flashAttention: false });
    await expect.poll(() => bytes(other), { timeout: 30_000 }).toEqual(expected);
    await other.close();
  });

  it('saves what the library writes', async () => {
    const saved = async (name: string): Promise<{ file: string; text: string }> => {
      const download = page.waitForEvent('download');
      await page.getByRole('button', { name, exact: true }).click();
      const done = await download;
      return { file: done.suggestedFilename(), text: readFileSync(await done.path(), 'utf8') };
    };
    const model = measureModel(await readGguf(MODEL));
    expect((await saved('SVG')).text).toBe(renderMap(model.plan, { title: 'phi-3-mini-4k.gguf' }));
    const { file, text } = await saved('JSON');
    expect(file).toBe('phi-3-mini-4k.plan.json');
    expect(JSON.parse(text)).toMatchObject({ ...model.plan.toJSON(), weights: model.weights, total: model.total });
    const placement = parseProblemCsv((await saved('CSV')).text);
    expect(ALLOCATORS.auto.place(placement.problem).chunks).toEqual([model.compute]);
    await choose(PROBLEM);
    const csv = parseProblemCsv(readFileSync(PROBLEM, 'utf8'));
    const expected = formatPlacementCsv(csv, ALLOCATORS.auto.place(csv.problem).offsets);
    expect(await saved('CSV')).toEqual({ file: 'problem.placement.csv', text: expected });
  });

  it('has no accessibility defect that axe finds, light and dark', async () => {
    await page.locator('#fit').getByText('Largest context').waitFor();
    await page.evaluate(readFileSync(AXE, 'utf8'));
    const find = () =>
      page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } };
        return (await axe.run()).violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`,
        );
      });
    expect(await find()).toEqual([]);
    await page.emulateMedia({ colorScheme: 'dark' });
    expect(await find()).toEqual([]);
    await page.emulateMedia({ colorScheme: null });
  });

  it('fits a narrow screen', async () => {
    await page.setViewportSize({ width: 400, height: 800 });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it('never holds up the page: not while a slider moves, nor for a huge problem', async () => {
    await page.evaluate(() => {
      const observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
        Object.assign(window, { longest });
      });
      let longest = 0;
      Object.assign(window, { longest });
      observer.observe({ entryTypes: ['longtask'] });
    });
    await page.locator('#context-slider').focus();
    for (let i = 0; i < 30; i++) await page.keyboard.press(i % 10 < 5 ? 'ArrowLeft' : 'ArrowRight');
    await settled();
    const rows = Array.from({ length: 30_000 }, (_, i) => `b${i},${i},${i + 2 + (i % 100)},${32 * (1 + (i % 37))}`);
    await page.locator('#allocator').evaluate((list: HTMLSelectElement) => {
      list.value = 'ggml';
      list.dispatchEvent(new Event('input'));
    });
    await choose(bad('huge.csv', `id,lower,upper,size\n${rows.join('\n')}\n`));
    expect(await page.locator('#facts').innerText()).toContain('30,000 buffers');
    // Looking into it: the search goes to the worker, which draws the part that was found.
    await page.fill('.tav-search input', 'b12345');
    await page.locator('.tav-hits button').first().waitFor();
    await page.press('.tav-search input', 'Enter');
    await page.locator('.tav-picture .ta-name', { hasText: 'b12345' }).waitFor();
    expect(await page.locator('.tav-details').innerText()).toContain('[12,345, 12,392) steps');
    // Planning and drawing it take several times as long.
    const longest = await page.evaluate(() => (window as unknown as { longest: number }).longest);
    expect(longest).toBeLessThan(1000);
  });
});

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
