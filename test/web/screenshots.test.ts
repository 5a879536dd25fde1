/** What is to be seen on the web page, in pictures of its main states. */
import type { Page } from 'playwright-core';
import { expect, it } from 'vitest';
import { describeBrowser } from '../support/browser.js';
import { Screenshot } from '../support/screenshot.js';
import { fileOf, WebPage } from '../support/web-page.js';

type Rgb = readonly [number, number, number];

/** Colours of the rectangles that take the most room in the map, as the page computes them. */
async function mapColors(page: Page): Promise<Rgb[]> {
  return page.locator('.tav-picture svg').evaluate((svg) => {
    const areas = new Map<string, number>();
    for (const box of svg.querySelectorAll<SVGRectElement>('rect.ta-box')) {
      const { width, height } = box.getBoundingClientRect();
      const { fill } = getComputedStyle(box);
      areas.set(fill, (areas.get(fill) ?? 0) + width * height);
    }
    const largest = [...areas].sort(([, a], [, b]) => b - a).slice(0, 3);
    return largest.map(([fill]) => fill.match(/\d+/g)!.slice(0, 3).map(Number) as [number, number, number]);
  });
}

/** The colours of a map that hardly show in a picture of it. */
async function missingColors(page: Page, name: string): Promise<Rgb[]> {
  const picture = await Screenshot.take(page, name, '.tav-stage');
  const colors = await mapColors(page);
  expect(colors.length).toBeGreaterThan(0);
  return colors.filter((color) => picture.share(color) < 0.004);
}

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

const widthOf = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth);

describeBrowser('pictures of the web page', () => {
  const web = new WebPage();

  it.each([
    ['model', '#example=phi-3-mini-4k.gguf'],
    ['model-long-context', '#example=llama-3.1-8b.gguf&context=32768&keyType=q8_0&modelAllocator=auto'],
    ['graph', '#example=attention.json'],
    ['problem', '#example=problem.csv'],
  ])('%s: the map shows its colours, and no label on another', async (name, link) => {
    await web.openLink(link);
    const whole = await Screenshot.take(web.page, name);
    expect(whole.meanLightness).toBeGreaterThan(200);
    expect(await missingColors(web.page, `${name}-map`)).toEqual([]);
    expect(await overlappingLabels(web.page)).toEqual([]);
    expect(await widthOf(web.page)).toBeLessThanOrEqual(1280);
  });

  it('would not pass without the map, nor with labels on each other', async () => {
    await web.page.addStyleTag({
      content: '.tav-picture{visibility:hidden}.tav-picture text{transform:none!important}',
    });
    expect(await missingColors(web.page, 'without-map')).not.toEqual([]);
    await web.page.evaluate(() => {
      for (const text of document.querySelectorAll('.tav-picture text')) text.setAttribute('x', '200');
    });
    expect(await overlappingLabels(web.page)).not.toEqual([]);
  });

  it('dark: everything is', async () => {
    await web.page.emulateMedia({ colorScheme: 'dark' });
    try {
      const whole = await Screenshot.take(web.page, 'dark');
      expect(whole.meanLightness).toBeLessThan(80);
      expect(await missingColors(web.page, 'dark-map')).toEqual([]);
    } finally {
      await web.page.emulateMedia({ colorScheme: 'light' });
    }
  });

  it('too little memory: the answer says so, in a colour that is to be seen', async () => {
    await web.openLink('#example=phi-3-mini-4k.gguf&memory=8');
    const colorOf = (): Promise<Rgb> =>
      web.page.locator('#verdict').evaluate((verdict) => {
        const [red, green, blue] = getComputedStyle(verdict).color.match(/\d+/g)!.map(Number);
        return [red, green, blue] as const;
      });
    const before = await colorOf();
    await web.page.locator('#memory').fill('3');
    await web.page.locator('#verdict').getByText('does not fit').waitFor();
    const color = await colorOf();
    expect(color).not.toEqual(before);
    expect((await Screenshot.take(web.page, 'does-not-fit', '#verdict')).share(color)).toBeGreaterThan(0.005);
  });

  it('an error: in words, with nothing stale that looks fresh', async () => {
    await web.choose(fileOf('broken.csv', 'id,lower\n'));
    const picture = await Screenshot.take(web.page, 'error');
    expect(picture.meanLightness).toBeGreaterThan(150);
    expect(await web.page.locator('#error').isVisible()).toBe(true);
  });

  it('the focus of the keyboard: to be seen on every control', async () => {
    const controls = web.page.locator('main :is(button, input, select, a):visible:enabled');
    let seen = 0;
    for (const control of await controls.all()) {
      if (!(await control.isVisible())) continue;
      await control.scrollIntoViewIfNeeded();
      await web.page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
      const without = await Screenshot.take(web.page, 'without-focus');
      await web.page.keyboard.press('Shift'); // the keyboard is in use
      await control.focus();
      const focused = await Screenshot.take(web.page, 'focus');
      expect(
        focused.differences(without),
        await control.evaluate((each) => each.outerHTML.slice(0, 120)),
      ).toBeGreaterThan(20);
      if (++seen === 12) break;
    }
    expect(seen).toBeGreaterThan(5);
  });

  it('on a phone: nothing is wider than the screen', async () => {
    const phone = await web.newPage();
    await phone.setViewportSize({ width: 390, height: 844 });
    await web.openLink('', phone);
    await Screenshot.take(phone, 'phone');
    expect(await widthOf(phone)).toBeLessThanOrEqual(390);
    await phone.locator('.tav-stage').scrollIntoViewIfNeeded();
    expect(await missingColors(phone, 'phone-map')).toEqual([]);
    expect(await overlappingLabels(phone)).toEqual([]);
    await phone.close();
  });
});
