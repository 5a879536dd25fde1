/** The page of a map in a real browser: hover, search, zoom, pan, keyboard, and the switch between two plans. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Context, Graph, planGraph } from '../../src/index.js';
import { renderMap } from '../../src/map/index.js';
import { renderMapHtml } from '../../src/viewer/index.js';
import { describeBrowser, launchBrowser } from '../support/browser.js';

function network(): Graph {
  const ctx = Context.deferred();
  const weights = Context.virtual();
  const x = ctx.setInput(ctx.newTensor('f32', [256, 64], 'x'));
  let y = x;
  for (let layer = 0; layer < 4; layer++) {
    const up = ctx.mulMat(weights.newTensor('f32', [256, 512]), ctx.rmsNorm(y, 1e-5));
    up.name = `up-${layer}`;
    const hidden = ctx.silu(up);
    hidden.name = `hidden-${layer}`;
    y = ctx.add(y, ctx.mulMat(weights.newTensor('f32', [512, 256]), hidden));
    y.name = `out-${layer}`;
  }
  return Graph.forward(ctx.setOutput(ctx.reshape(y, [256 * 64])));
}

describeBrowser('a map page', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-arena-map-'));
  const file = join(folder, 'map.html');
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];

  beforeAll(async () => {
    const graph = network();
    const options = { other: planGraph(graph), title: 'four layers' };
    writeFileSync(file, renderMapHtml(planGraph(graph, { allocator: 'ggml' }), options));
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => problems.push(message.text()));
    page.on('request', (request) => request.url().startsWith('file:') || problems.push(`requested ${request.url()}`));
  });

  beforeEach(async () => {
    problems.length = 0;
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('.tav-picture svg');
  });

  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true });
  });

  const details = (): Promise<string> => page.locator('.tav-details').innerText();
  const lastStep = async (): Promise<number> => {
    const labels = await page.locator('.tav-picture text.ta-muted[text-anchor=middle]').allTextContents();
    return Math.max(...labels.map(Number).filter((step) => step > 0));
  };
  const settled = (): Promise<void> => page.waitForTimeout(80);

  it('opens without an error and without a request, and draws names', async () => {
    expect(await page.locator('.tav-picture svg').getAttribute('aria-label')).toContain('four layers · ggml');
    expect(await page.locator('text.ta-name', { hasText: 'up-0' }).count()).toBe(1);
    expect(problems).toEqual([]);
  });

  it('tells about what the pointer is on', async () => {
    const box = (await page.locator('text.ta-name', { hasText: 'hidden-1' }).boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    const tip = await page.locator('.tav-tip').innerText();
    expect(tip).toContain('hidden-1');
    expect(tip).toContain('512 × 64');
    expect(tip).toContain('overwrites up-1');
    await page.mouse.move(5, 5);
    expect(await page.locator('.tav-tip').isHidden()).toBe(true);
  });

  it('finds by name, shows the details, and zooms there', async () => {
    const before = await lastStep();
    await page.fill('input[type=search]', 'hidden-0');
    await page.press('input[type=search]', 'Enter');
    await settled();
    expect(await details()).toContain('hidden-0');
    expect(await lastStep()).toBeLessThan(before);
    expect(await page.locator('.tav-marks .ta-select').count()).toBe(1);
    await page.getByLabel('Show all').click();
    await settled();
    expect(await lastStep()).toBe(before);
  });

  it('zooms with the wheel around the pointer, and pans by dragging', async () => {
    const before = await lastStep();
    await page.mouse.move(300, 400);
    await page.mouse.wheel(0, -600);
    await settled();
    const zoomed = await lastStep();
    expect(zoomed).toBeLessThan(before);
    await page.mouse.down();
    await page.mouse.move(100, 400, { steps: 5 });
    await page.mouse.up();
    await settled();
    expect(await lastStep()).toBeGreaterThan(zoomed);
  });

  it('zooms with two fingers, and moves with one then', async () => {
    const context = await browser.newContext({ viewport: { width: 400, height: 800 }, hasTouch: true });
    page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('.tav-picture svg');
    const session = await context.newCDPSession(page);
    const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...points: readonly [x: number, y: number][]) =>
      session.send('Input.dispatchTouchEvent', { type, touchPoints: points.map(([x, y], id) => ({ x, y, id })) });
    const whole = await lastStep();
    await touch('touchStart', [180, 400], [220, 400]);
    for (let reach = 30; reach <= 100; reach += 10) await touch('touchMove', [200 - reach, 400], [200 + reach, 400]);
    await touch('touchEnd');
    await settled();
    const zoomed = await lastStep();
    expect(zoomed).toBeLessThan(whole);
    expect(await details()).toBe('');
    await touch('touchStart', [300, 400]);
    for (let x = 290; x >= 100; x -= 10) await touch('touchMove', [x, 400]);
    await touch('touchEnd');
    await settled();
    expect(await lastStep()).toBeGreaterThan(zoomed);
    await context.close();
    page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  });

  it('can be used with keys alone', async () => {
    await page.locator('.tav-stage').focus();
    await page.keyboard.press('n');
    const first = await details();
    await page.keyboard.press('n');
    expect(await details()).not.toBe(first);
    await page.keyboard.press('p');
    expect(await details()).toBe(first);
    const before = await lastStep();
    await page.keyboard.press('+');
    await page.keyboard.press('ArrowLeft');
    await settled();
    expect(await lastStep()).toBeLessThan(before);
    await page.keyboard.press('0');
    await page.keyboard.press('Escape');
    await settled();
    expect(await details()).toBe('');
    expect(await lastStep()).toBe(before);
  });

  it('switches between the plans, and keeps the selection', async () => {
    await page.fill('input[type=search]', 'hidden-2');
    await page.press('input[type=search]', 'Enter');
    await page.getByRole('button', { name: 'Show auto' }).click();
    await settled();
    expect(await page.locator('.tav-picture svg').getAttribute('aria-label')).toContain('allocator auto');
    expect(await page.getByRole('button', { name: 'Show auto' }).getAttribute('aria-pressed')).toBe('true');
    expect(await details()).toContain('hidden-2');
  });

  it('takes the keys with Shift or Caps Lock, too', async () => {
    await page.keyboard.press('N');
    expect(await details()).toContain('x');
    await page.keyboard.press('Shift+N');
    const second = await details();
    expect(second).not.toBe('');
    await page.keyboard.press('P');
    expect(await details()).not.toBe(second);
  });

  it('says when nothing is found, until something is', async () => {
    const said = page.locator('.tav-search .tav-none');
    await page.fill('input[type=search]', 'no such name');
    await said.getByText('Nothing').waitFor();
    await page.fill('input[type=search]', 'hidden');
    await page.locator('.tav-hits button').first().waitFor();
    expect(await said.innerText()).toBe('');
  });

  it('says how many are found, and how many of them it lists', async () => {
    const count = page.locator('.tav-search .tav-unseen');
    await page.fill('input[type=search]', 'hidden');
    await count.getByText('4 found', { exact: true }).waitFor();
    expect(await page.locator('.tav-more').count()).toBe(0);
    await page.fill('input[type=search]', 'u');
    await count.getByText(/found, 12 of them listed/).waitFor();
    const total = Number(/^\d+/.exec((await count.textContent())!)![0]);
    expect(await page.locator('.tav-hits button').count()).toBe(12);
    expect(await page.locator('.tav-more').innerText()).toBe(`${total - 12} more`);
    await page.fill('input[type=search]', '');
    await expect.poll(() => count.textContent()).toBe('');
  });

  it('has no accessibility defect that axe finds, also with hits and details, light and dark', async () => {
    await page.keyboard.press('n');
    await page.fill('input[type=search]', 'up');
    await page.locator('.tav-hits button').first().waitFor();
    await page.evaluate(readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8'));
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const violations = await page.evaluate(async () => {
        const { axe } = window as unknown as { axe: { run(): Promise<{ violations: { id: string }[] }> } };
        return (await axe.run()).violations.map(({ id }) => id);
      });
      expect(violations).toEqual([]);
    }
    await page.emulateMedia({ colorScheme: null });
  });

  it('keeps a long name within the list of hits, and its size in sight', async () => {
    const ctx = Context.deferred();
    const y = ctx.relu(ctx.setInput(ctx.newTensor('f32', [64], 'x')));
    y.name = 'long'.repeat(100);
    const single = join(folder, 'single.html');
    writeFileSync(single, renderMapHtml(planGraph(Graph.forward(ctx.setOutput(y)))));
    await page.goto(pathToFileURL(single).href);
    await page.fill('input[type=search]', 'long');
    const size = (await page.locator('.tav-hits small').first().boundingBox())!;
    const list = (await page.locator('.tav-hits').boundingBox())!;
    expect(size.x + size.width).toBeLessThanOrEqual(list.x + list.width);
  });

  it('offers no switch between plans where there is one', async () => {
    const single = join(folder, 'single.html');
    writeFileSync(single, renderMapHtml(planGraph(network())));
    await page.goto(pathToFileURL(single).href);
    await page.waitForSelector('.tav-picture svg');
    expect(await page.getByRole('group', { name: 'Plan' }).count()).toBe(0);
  });

  it('opens at its top, however low the window', async () => {
    await page.setViewportSize({ width: 800, height: 280 });
    await page.goto('about:blank');
    await page.goto(pathToFileURL(file).href);
    await page.waitForSelector('.tav-picture svg');
    expect(await page.evaluate(() => scrollY)).toBe(0);
    await page.setViewportSize({ width: 1200, height: 800 });
  });

  it('colours by size', async () => {
    await page.getByLabel('Colours').selectOption('size');
    await settled();
    expect(await page.locator('.tav-picture rect.ta-size-5').count()).toBeGreaterThan(0);
  });

  it('draws no two texts over each other, in the fonts that there are', async () => {
    await page.setContent(renderMap(planGraph(network())));
    const rects = await page.locator('svg text').evaluateAll((texts) =>
      texts.map((each) => {
        const { left, right, top, bottom } = each.getBoundingClientRect();
        return { label: each.textContent, left, right, top, bottom };
      }),
    );
    expect(rects.length).toBeGreaterThan(20);
    const overlaps = rects.flatMap((a, index) =>
      rects
        .slice(index + 1)
        // A line of text reaches a little into the lines around it, above and below its letters.
        .filter((b) => a.left < b.right && b.left < a.right && a.top + 2 < b.bottom - 2 && b.top + 2 < a.bottom - 2)
        .map((b) => `${a.label} and ${b.label}`),
    );
    expect(overlaps).toEqual([]);
  });
});
