/** The web page in a real browser, as it is hosted: every number on it is the library's. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { expect, it } from 'vitest';
import { ALLOCATORS, formatPlacementCsv, graphFromJson, parseProblemCsv, planGraph } from '../../src/index.js';
import { renderMap } from '../../src/map/index.js';
import { fitContext, measureModel } from '../../src/models/index.js';
import { readGguf } from '../../src/gguf/index.js';
import { describeBrowser } from '../support/browser.js';
import { projectPath } from '../support/shared.js';
import { digits, fileOf, WebPage } from '../support/web-page.js';

const MODEL = projectPath('examples/phi-3-mini-4k.gguf');
const GRAPH = projectPath('examples/attention.json');
const PROBLEM = projectPath('examples/problem.csv');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const GIB = 2 ** 30;

const exampleGraph = () => graphFromJson(JSON.parse(readFileSync(GRAPH, 'utf8')));

describeBrowser('the web page', () => {
  const web = new WebPage();

  async function bytesOf(options: Parameters<typeof measureModel>[1], plan?: Parameters<typeof measureModel>[2]) {
    const { weights, context: cache, compute, total } = measureModel(await readGguf(MODEL), options, plan);
    return [weights, cache, compute, total].map(digits);
  }

  it('shows what measureModel says of the example', async () => {
    expect(await web.bytes()).toEqual(await bytesOf({}));
    expect(await web.page.locator('#verdict').innerText()).toContain('It fits');
    expect(await web.page.locator('#map svg').first().getAttribute('aria-label')).toContain('phi-3-mini-4k.gguf');
    expect(web.problems).toEqual([]);
  });

  it('follows the sliders, which the keyboard can move', async () => {
    await web.page.locator('#context-slider').focus();
    for (let i = 0; i < 5; i++) await web.page.keyboard.press('ArrowLeft');
    const ctxSize = Number(await web.page.locator('#context').inputValue());
    expect(ctxSize).toBeLessThan(4096);
    const first = await bytesOf({ ctxSize });
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual(first);
    await web.page.locator('#ubatch').focus();
    await web.page.keyboard.press('ArrowLeft');
    await web.page.locator('#key-type').selectOption('q8_0');
    await web.page.getByLabel('Flash attention').uncheck();
    await web.page.getByLabel('tensor-arena’s').check();
    const options = { ctxSize, ubatchSize: 256, cacheTypeK: 'q8_0', flashAttention: false };
    const second = await bytesOf(options, { allocator: 'auto', reuse: 'full' });
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual(second);
  });

  it('leaves a field alone while it is typed in, and puts it right afterwards', async () => {
    await web.page.locator('#context').fill('');
    await web.page.locator('#context').fill('1000');
    const expected = await bytesOf({ ctxSize: 1000 });
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual(expected);
    await web.page.locator('#context').fill('');
    await web.page.locator('#memory').fill('-1');
    expect(await web.page.locator('#context').inputValue()).toBe('1000');
    await web.page.locator('#memory').press('Tab');
    expect(await web.page.locator('#memory').inputValue()).toBe('8');
    expect(await web.page.locator('#verdict').innerText()).toContain('It fits');
  });

  it('starts a model at the most that fits, up to what it was trained on, and goes on so', async () => {
    await web.page.locator('#memory').fill('3');
    const { largest } = fitContext(await readGguf(MODEL), 3 * GIB, {});
    const tokens = largest!.run.contextSize;
    expect(tokens).toBeLessThan(4096);
    await web.page
      .locator('#verdict')
      .getByText(`It fits with ${digits(tokens)} tokens of context`)
      .waitFor();
    expect(await web.page.locator('#context').inputValue()).toBe(String(tokens));
    expect(await web.page.locator('#context-note').innerText()).toContain('the most that fits');
    await web.page.locator('#reserve').fill('0.5');
    const rest = fitContext(await readGguf(MODEL), 2.5 * GIB, {}).largest!.run.contextSize;
    await web.page
      .locator('#verdict')
      .getByText(`It fits with ${digits(rest)} tokens of context`)
      .waitFor();
    await web.page.locator('#reserve').fill('0');
    await web.page.locator('#context').fill('4096');
    await web.page.locator('#verdict').getByText('It does not fit with 4,096 tokens of context').waitFor();
    await web.choose(MODEL);
    await web.page
      .locator('#verdict')
      .getByText(`It fits with ${digits(tokens)} tokens of context`)
      .waitFor();
    await web.page.locator('#context').fill('256');
    await web.page.locator('#verdict').getByText('It fits with 256 tokens of context').waitFor();
    await web.page.getByRole('button', { name: 'Choose for me' }).click();
    await web.page
      .locator('#verdict')
      .getByText(`It fits with ${digits(tokens)} tokens of context`)
      .waitFor();
  });

  it('measures for the program that runs the model, and takes its sequences unless told otherwise', async () => {
    expect(await web.page.locator('#outputs-note').innerText()).toContain('For llama-server, which wants logits of 4');
    expect(await web.page.locator('#sequences').getAttribute('placeholder')).toBe('4');
    await web.page.locator('#program').selectOption('library');
    const library = await bytesOf({ program: 'library' });
    expect(library).not.toEqual(await bytesOf({}));
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual(library);
    await web.page.locator('#program').selectOption('server');
    await web.page.locator('#sequences').fill('2');
    await web.page.locator('#outputs').fill('64');
    const chosen = await bytesOf({ parallel: 2, outputs: 64 });
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual(chosen);
    await web.page.getByLabel('One cache for all sequences').check();
    const unified = await bytesOf({ parallel: 2, outputs: 64, kvUnified: true });
    expect(unified).not.toEqual(chosen);
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual(unified);
    await web.page.locator('#sequences').fill('0');
    await web.page.locator('#sequences').press('Tab');
    expect(await web.page.locator('#sequences').inputValue()).toBe('2');
  });

  it('says what fits', async () => {
    await web.page.locator('#context').fill('4096');
    await web.page.locator('#memory').fill('3');
    const { largest, largestCache } = fitContext(await readGguf(MODEL), 3 * GIB, {});
    expect(await web.page.locator('#verdict').innerText()).toContain('It does not fit');
    const tokens = digits(largest!.run.contextSize);
    await web.page.locator('#fit').getByText(`${tokens} tokens`).waitFor();
    const { keyType, valueType } = largestCache!.run;
    await web.page.getByRole('button', { name: `Cache ${keyType.name} / ${valueType.name}` }).click();
    await web.page.getByRole('heading', { name: 'It fits' }).waitFor();
    await web.page.locator('#key-type').selectOption('f16');
    await web.page.locator('#value-type').selectOption('f16');
    await web.page.locator('#fit').getByText(`${tokens} tokens`).waitFor();
    await web.page.getByRole('button', { name: `Use ${tokens}` }).click();
    await web.settled();
    expect(await web.bytes()).toEqual(await bytesOf({ ctxSize: largest!.run.contextSize }));
  });

  it('takes files of all kinds, and gets over bad ones', async () => {
    await web.choose(fileOf('broken.gguf', 'no model'));
    await web.page.locator('#file-error').getByText('broken.gguf').waitFor();
    await web.settled();
    // The earlier answer is there as before.
    expect(await web.page.locator('#file-name').innerText()).toBe('phi-3-mini-4k.gguf');
    expect(await web.page.locator('#answer').evaluate((answer: HTMLElement) => answer.inert)).toBe(false);
    expect(await web.bytes()).toEqual(await bytesOf({}));
    await expect.poll(() => web.page.url()).toContain('example=phi-3-mini-4k.gguf');
    await web.choose(GRAPH);
    expect(await web.page.locator('#file-error').isHidden()).toBe(true);
    expect(await web.page.locator('#file-name').innerText()).toBe('attention.json');
    expect(await web.bytes()).toEqual([digits(planGraph(exampleGraph()).bufferSize)]);
    await web.page.locator('#in-place').selectOption('off');
    const off = digits(planGraph(exampleGraph(), { reuse: 'off' }).bufferSize);
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual([off]);
    for (const [bad, message] of [
      [fileOf('broken.json', '{'), 'broken.json is not valid JSON'],
      [fileOf('other.json', '[]'), 'other.json: '],
      [fileOf('broken.csv', 'id,lower\n'), 'broken.csv: '],
      [fileOf('notes.txt', ''), 'notes.txt is of an unknown kind'],
      [[fileOf('a.json', '{}'), fileOf('b.csv', '')], 'Choose one file at a time'],
    ] as const) {
      await web.choose(bad);
      await web.page.locator('#file-error').getByText(message).waitFor();
      await web.settled();
      expect(await web.bytes()).toEqual([off]);
      await expect.poll(() => web.page.url()).toContain('file=attention.json');
    }
    await web.choose(PROBLEM);
    expect(await web.page.locator('#file-error').isHidden()).toBe(true);
    const { problem } = parseProblemCsv(readFileSync(PROBLEM, 'utf8'));
    expect(await web.bytes()).toEqual([digits(ALLOCATORS.auto.place(problem).chunks[0])]);
    expect(web.problems).toEqual([]);
  });

  it('takes a file that is dropped', async () => {
    await web.choose(GRAPH);
    const base64 = readFileSync(MODEL).toString('base64');
    const transfer = await web.page.evaluateHandle((data) => {
      const list = new DataTransfer();
      const content = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      list.items.add(new File([content], 'dropped.gguf'));
      return list;
    }, base64);
    await web.page.dispatchEvent('body', 'dragover', { dataTransfer: transfer });
    await web.page.dispatchEvent('body', 'drop', { dataTransfer: transfer });
    await web.settled();
    expect(await web.bytes()).toEqual(await bytesOf({}));
    await web.page.waitForFunction(() => location.hash.startsWith('#file=dropped.gguf'));
  });

  it('says why options do not go together, and goes on', async () => {
    await web.page.getByLabel('Flash attention').uncheck();
    await web.page.locator('#value-type').selectOption('q8_0');
    await web.page.locator('#error').waitFor();
    expect(await web.error()).toContain('cacheTypeV');
    await web.page.getByLabel('Flash attention').check();
    const expected = await bytesOf({ cacheTypeV: 'q8_0' });
    await expect.poll(() => web.bytes(), { timeout: 90_000 }).toEqual(expected);
    expect(await web.page.locator('#error').isHidden()).toBe(true);
  });

  it('is shared by its address', async () => {
    await web.page.locator('#context').fill('2048');
    await web.page.locator('#value-type').selectOption('q4_0');
    await web.page.locator('#memory').fill('2.5');
    await web.page.getByRole('button', { name: 'Copy link' }).click();
    await web.page.locator('#notice').getByText('The link is in').waitFor();
    await web.settled();
    const { hash } = new URL(web.page.url());
    const other = await web.newPage();
    await web.openLink(hash, other);
    expect(await web.bytes(other)).toEqual(await bytesOf({ ctxSize: 2048, cacheTypeV: 'q4_0' }));
    for (const id of ['#verdict', '#facts']) {
      expect(await other.locator(id).innerText()).toBe(await web.page.locator(id).innerText());
    }
    await other.evaluate(() => (location.hash = '#file=mine.gguf&context=512'));
    await other.getByText('This link is about mine.gguf').waitFor();
    await other.getByLabel('Flash attention').click();
    expect(await other.locator('#answer').isHidden()).toBe(true);
    expect(new URL(other.url()).hash).toBe('#file=mine.gguf&context=512');
    await other.setInputFiles('#file', { name: 'mine.gguf', mimeType: '', buffer: readFileSync(MODEL) });
    const expected = await bytesOf({ ctxSize: 512, flashAttention: false });
    await expect.poll(() => web.bytes(other), { timeout: 90_000 }).toEqual(expected);
    await other.close();
  });

  it('saves what the library writes', async () => {
    const saved = async (name: string): Promise<{ file: string; text: string }> => {
      const download = web.page.waitForEvent('download');
      await web.page.getByRole('button', { name, exact: true }).click();
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
    await web.choose(PROBLEM);
    const csv = parseProblemCsv(readFileSync(PROBLEM, 'utf8'));
    const expected = formatPlacementCsv(csv, ALLOCATORS.auto.place(csv.problem).offsets);
    expect(await saved('CSV')).toEqual({ file: 'problem.placement.csv', text: expected });
  });

  it('has no accessibility defect that axe finds, light and dark', async () => {
    await web.page.locator('#fit').getByText('It was trained on 4,096 tokens').waitFor();
    await web.page.evaluate(readFileSync(AXE, 'utf8'));
    const find = () =>
      web.page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(): Promise<{ violations: AxeViolation[] }> } };
        return (await axe.run()).violations.map(
          ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`,
        );
      });
    expect(await find()).toEqual([]);
    await web.page.emulateMedia({ colorScheme: 'dark' });
    expect(await find()).toEqual([]);
    await web.page.emulateMedia({ colorScheme: null });
  });

  it('fits a narrow screen, and keeps the answer in sight of the sliders there', async () => {
    expect(await web.page.locator('#summary').isVisible()).toBe(false);
    await web.page.setViewportSize({ width: 400, height: 800 });
    expect(await web.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    await web.page.evaluate(() => scrollTo(0, 0));
    const summary = web.page.locator('#summary');
    await summary.getByText('It fits').waitFor();
    await web.page.locator('#memory').fill('2');
    await summary.getByText('It does not fit').waitFor();
    await web.page.locator('#sizes').scrollIntoViewIfNeeded();
    await summary.waitFor({ state: 'hidden' });
    await web.page.setViewportSize({ width: 1280, height: 900 });
  });

  it('takes the memory in any unit, and links it exactly', async () => {
    await web.page.locator('#memory').fill('300');
    await web.page.locator('#memory-unit').selectOption('MiB');
    await web.page.locator('#verdict').getByText('It does not fit').waitFor();
    expect(await web.page.locator('#bar').getAttribute('aria-label')).toContain('of 300.00 MiB');
    await web.page.waitForFunction(() => location.hash.includes('memory=0.29296875'));
    const other = await web.newPage();
    await web.openLink(new URL(web.page.url()).hash, other);
    expect(await other.locator('#memory').inputValue()).toBe('300');
    expect(await other.locator('#memory-unit').inputValue()).toBe('MiB');
    await other.close();
  });

  it('keeps what is selected in the map while a slider moves', async () => {
    await web.page.fill('.tav-search input', 'kq_mask');
    await web.page.locator('.tav-hits button').first().waitFor();
    await web.page.press('.tav-search input', 'Enter');
    const details = web.page.locator('.tav-details');
    await details.getByText('4.00 MiB').waitFor();
    await web.page.locator('#context').fill('2048');
    await details.getByText('2.00 MiB').waitFor();
    expect(await web.page.locator('.tav-marks .ta-select').count()).toBe(1);
  });

  it('never holds up the page: not while a slider moves, nor for a huge problem', async () => {
    await web.page.evaluate(() => {
      const observer = new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) longest = Math.max(longest, duration);
        Object.assign(window, { longest });
      });
      let longest = 0;
      Object.assign(window, { longest });
      observer.observe({ entryTypes: ['longtask'] });
    });
    await web.page.locator('#context-slider').focus();
    for (let i = 0; i < 30; i++) await web.page.keyboard.press(i % 10 < 5 ? 'ArrowLeft' : 'ArrowRight');
    await web.settled();
    const rows = Array.from({ length: 30_000 }, (_, i) => `b${i},${i},${i + 2 + (i % 100)},${32 * (1 + (i % 37))}`);
    await web.page.locator('#allocator').evaluate((list: HTMLSelectElement) => {
      list.value = 'ggml';
      list.dispatchEvent(new Event('input'));
    });
    const started = Date.now();
    await web.choose(fileOf('huge.csv', `id,lower,upper,size\n${rows.join('\n')}\n`));
    expect(await web.page.locator('#facts').innerText()).toContain('30,000 buffers');
    const elapsed = Date.now() - started;
    // Looking into it: the search goes to the worker, which draws the part that was found.
    await web.page.fill('.tav-search input', 'b12345');
    await web.page.locator('.tav-hits button').first().waitFor();
    await web.page.press('.tav-search input', 'Enter');
    await web.page.locator('.tav-picture .ta-name', { hasText: 'b12345' }).waitFor();
    expect(await web.page.locator('.tav-details').innerText()).toContain('[12,345, 12,392) steps');
    // Planning and drawing are most of that time, and neither holds up the page: a ratio, whatever the machine's speed.
    const longest = await web.page.evaluate(() => (window as unknown as { longest: number }).longest);
    expect(longest).toBeLessThan(elapsed / 2);
  });
});

interface AxeViolation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string }[];
}
