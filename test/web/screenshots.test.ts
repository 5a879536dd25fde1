/**
 * What the web page and the page of two plans look like, by the pixels of their screenshots. With
 * `SCREENSHOTS=folder` in the environment the pictures stay there, to be looked at.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { beforeAll, expect, it } from 'vitest';
import { graphFromJson, planGraph } from '../../src/index.js';
import { renderMapHtml } from '../../src/viewer/index.js';
import { describeBrowser } from '../support/browser.js';
import { projectPath } from '../support/shared.js';
import { WebPage } from '../support/web-page.js';
import {
  checkColors,
  checkDark,
  checkDifferent,
  checkNoOverflow,
  checkNotBlank,
  decodePng,
  legendColors,
  type Image,
} from './pixels.js';

const FOLDER = process.env.SCREENSHOTS ?? '';

/** A box of the smallest size that is drawn with its colour has more pixels than this. */
const LEAST_OF_A_FAMILY = 20;

describeBrowser('screenshots', () => {
  const web = new WebPage();
  let decoder: Page;

  beforeAll(async () => {
    decoder = await web.newPage();
    if (FOLDER !== '') mkdirSync(FOLDER, { recursive: true });
  });

  async function shoot(target: Page | Locator, name = ''): Promise<Image> {
    const png = await target.screenshot({ animations: 'disabled' });
    if (FOLDER !== '' && name !== '') writeFileSync(join(FOLDER, `${name}.png`), png);
    return decodePng(png, decoder);
  }

  /** The map's plot alone, without legend and axes. Shot until two shots are alike: on a busy machine the page may still be moving. */
  async function shootPlot(page: Page): Promise<Image> {
    await page.locator('.tav-picture .ta-frame').waitFor({ state: 'attached' });
    let [last, png] = [await snapPlot(page), await snapPlot(page)];
    while (!png.equals(last)) [last, png] = [png, await snapPlot(page)];
    return decodePng(png, decoder);
  }

  async function snapPlot(page: Page): Promise<Buffer> {
    // In one go: the picture is replaced whenever it is drawn again.
    const clip = await page.evaluate(() => {
      const frame = document.querySelector('.tav-picture .ta-frame')!;
      frame.scrollIntoView({ block: 'center' });
      const { x, y, width, height } = frame.getBoundingClientRect();
      return { x, y, width, height };
    });
    return page.screenshot({ clip, animations: 'disabled' });
  }

  /** A map with something in it, and all that its legend names. */
  async function checkMap(page: Page): Promise<Image> {
    const plot = await shootPlot(page);
    checkNotBlank(plot, 0.9);
    checkColors(plot, await legendColors(page.locator('.tav-picture')), LEAST_OF_A_FAMILY);
    return plot;
  }

  /** Whole pages are shot from their top. */
  async function shootTop(page: Page, name: string): Promise<Image> {
    await page.evaluate(() => scrollTo(0, 0));
    await checkNoOverflow(page);
    return shoot(page, name);
  }

  /** The one-file page with ggml's plan of a graph and ours. */
  async function openTwoPlans(): Promise<Page> {
    const graph = graphFromJson(JSON.parse(readFileSync(projectPath('examples/attention.json'), 'utf8')));
    const page = await web.newPage();
    const options = { other: planGraph(graph), title: 'attention' };
    await page.setContent(renderMapHtml(planGraph(graph, { allocator: 'ggml' }), options));
    await page.locator('.tav-picture svg').waitFor();
    return page;
  }

  it('before a file is there', async () => {
    const page = await web.newPage();
    await web.openLink('#file=mine.gguf&context=512', page);
    const start = await shootTop(page, 'start');
    checkNotBlank(start, 0.97);
    expect(await page.locator('#map-card').isHidden()).toBe(true);
    await page.close();
  });

  it.each(['phi-3-mini-4k.gguf', 'attention.json', 'problem.csv'])('of the example %s', async (example) => {
    await web.openLink(`#example=${example}`);
    await web.page.locator('.tav-picture svg').waitFor();
    await shootTop(web.page, `example-${example}`);
    await checkMap(web.page);
    await shoot(web.page.locator('#map-card'), `map-${example}`);
  });

  it('of a model whose sliders have moved: another map and another bar', async () => {
    await web.page.locator('.tav-picture svg').waitFor();
    const [plot, bar] = [await checkMap(web.page), await shoot(web.page.locator('#bar'))];
    await web.page.locator('#context-slider').focus();
    await web.page.keyboard.press('Home');
    await web.page.locator('#ubatch').focus();
    await web.page.keyboard.press('Home');
    await web.page.locator('#ubatch-value', { hasText: '32' }).waitFor();
    await web.settled();
    await web.page.waitForFunction(() => location.hash.includes('ubatch=32'));
    const moved = await checkMap(web.page);
    checkDifferent(plot, moved, 1000);
    checkDifferent(bar, await shoot(web.page.locator('#bar')), 100);
    await shootTop(web.page, 'sliders-moved');
  });

  it('of two plans: the switch shows another map with the same colours', async () => {
    const page = await openTwoPlans();
    const first = await checkMap(page);
    await shootTop(page, 'two-plans-ggml');
    await page.getByRole('button', { name: 'Show auto' }).click();
    await page.locator('.tav-picture svg[aria-label*="allocator auto"]').waitFor();
    await page.mouse.move(0, 0);
    const second = await checkMap(page);
    await shootTop(page, 'two-plans-auto');
    checkDifferent(first, second, 1000);
    await page.close();
  });

  it.each(['phi-3-mini-4k.gguf', 'attention.json', 'problem.csv'])('of %s: no label on another', async (example) => {
    await web.openLink(`#example=${example}`);
    await web.page.locator('.tav-picture svg').waitFor();
    expect(await overlappingLabels(web.page)).toEqual([]);
    await web.page.evaluate(() => {
      for (const label of document.querySelectorAll('.tav-picture text')) label.setAttribute('x', '200');
    });
    expect(await overlappingLabels(web.page)).not.toEqual([]);
  });

  it('in the dark: dark all over, with the dark colours of the legend', async () => {
    await web.page.emulateMedia({ colorScheme: 'dark' });
    checkDark(await shootTop(web.page, 'dark'));
    await checkMap(web.page);
    checkDark(await shoot(web.page.locator('#map-card'), 'dark-map'));
    const page = await openTwoPlans();
    await page.emulateMedia({ colorScheme: 'dark' });
    checkDark(await shootTop(page, 'dark-two-plans'));
    await page.close();
    await web.page.emulateMedia({ colorScheme: null });
  });

  it.each([390, 320])('on a phone of %d pixels', async (width) => {
    const page = await web.newPage();
    await page.setViewportSize({ width, height: 800 });
    for (const example of ['phi-3-mini-4k.gguf', 'attention.json']) {
      await web.openLink(`#example=${example}`, page);
      await page.locator(`.tav-picture svg[aria-label*="${example}"]`).waitFor();
      await shootTop(page, `phone-${width}-${example}`);
      checkNotBlank(await shootPlot(page), 0.9);
      await shoot(page.locator('#answer'), `phone-${width}-answer-${example}`);
      await shoot(page.locator('#map-card'), `phone-${width}-map-${example}`);
    }
    await checkMap(page); // of the graph: hundreds of storages are merged here, and their colours are paler
    await page.close();
  });

  it('with the focus of the keyboard in sight, wherever it is', async () => {
    await web.page.locator('.tav-picture svg').waitFor();
    const places = ['#file', '#example', '#context-slider', '#copy-link', '.tav-search input', '.tav-stage'];
    for (const place of places) await expectFocusRing(web.page, place);
    await web.page.locator('#copy-link').focus();
    await shoot(web.page, 'focus');
  });

  async function expectFocusRing(page: Page, place: string): Promise<void> {
    const target = page.locator(place);
    await target.scrollIntoViewIfNeeded();
    const shootAround = async (): Promise<Image> => {
      const shown = place === '#file' ? page.locator('#drop') : target;
      const { x, y, width, height } = (await shown.boundingBox())!;
      const clip = { x: x - 6, y: y - 6, width: width + 12, height: height + 12 };
      return decodePng(await page.screenshot({ clip, caret: 'hide', animations: 'disabled' }), decoder);
    };
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    const without = await shootAround();
    await page.keyboard.press('Shift'); // the keyboard is in use: rings show
    await target.focus();
    const { width, height } = without;
    // Two sides of a ring of one pixel, at the least.
    checkDifferent(without, await shootAround(), Math.min(width, height) * 2);
  }

  it('fail where there is something to see: no map, no colour, no dark, no ring, too wide', async () => {
    const page = await web.newPage();
    await web.openLink('', page);
    await page.locator('.tav-picture svg').waitFor();
    const spoil = async (css: string, check: () => Promise<unknown>): Promise<void> => {
      await check();
      const style = await page.addStyleTag({ content: css });
      await expect(check(), css).rejects.toThrow(/covers|dark|differ|wide/);
      await style.evaluate((element) => (element as HTMLElement).remove());
    };
    const looksFilled = async (): Promise<void> => checkNotBlank(await shootPlot(page), 0.9);
    await spoil('.ta-map > * { visibility: hidden }', looksFilled);
    await spoil('.ta-matrix:not([width="14"]) { fill: none }', () => checkMap(page));
    await spoil('body { width: 2000px; max-width: none }', () => checkNoOverflow(page));
    await spoil('* { outline: none !important }', () => expectFocusRing(page, '#copy-link'));
    await page.emulateMedia({ colorScheme: 'dark' });
    await spoil(':root { --page: #fff }', async () => checkDark(await shoot(page)));
    await page.close();
  });
});

/** Pairs of labels in the map that lie on each other. */
async function overlappingLabels(page: Page): Promise<string[]> {
  return page.locator('.tav-picture svg').evaluate((svg) => {
    const labels = [...svg.querySelectorAll('text')].map((text) => ({ text, area: text.getBoundingClientRect() }));
    return labels.flatMap(({ text, area }, i) =>
      labels
        .slice(i + 1)
        .filter(({ area: other }) => {
          const width = Math.min(area.right, other.right) - Math.max(area.left, other.left);
          const height = Math.min(area.bottom, other.bottom) - Math.max(area.top, other.top);
          return width > 1 && height > 3; // the boxes of two lines of one label touch
        })
        .map((other) => `${text.textContent} | ${other.text.textContent}`),
    );
  });
}
