/** The web page on a small screen: nothing is cut off, and the answer is in sight. */
import { expect, it } from 'vitest';
import { describeBrowser } from '../support/browser.js';
import { WebPage } from '../support/web-page.js';

describeBrowser('the web page on a phone', () => {
  const web = new WebPage();

  it('shows the answer below the screen from the first one on', async () => {
    const phone = await web.newPage();
    await phone.setViewportSize({ width: 390, height: 700 });
    await web.openLink('', phone);
    await phone.locator('#summary').getByText('It fits').waitFor();
    await phone.close();
  });

  it('shows no answer of other settings than those that failed', async () => {
    const phone = await web.newPage();
    await phone.setViewportSize({ width: 390, height: 700 });
    await web.openLink('#example=phi-3-mini-4k.gguf&valueType=q8_0', phone);
    await phone.locator('#summary').getByText('It fits').waitFor();
    await phone.getByLabel('Flash attention').uncheck();
    await phone.locator('#error').waitFor();
    await phone.locator('#summary').getByText('It fits').waitFor({ state: 'hidden' });
    const isInert = () => phone.locator('#answer').evaluate((answer: HTMLElement) => answer.inert);
    expect(await isInert()).toBe(true);
    await phone.getByLabel('Flash attention').check();
    await expect.poll(isInert).toBe(false);
    await phone.close();
  });

  it('says at once that a file cannot be read, not that the earlier one fits', async () => {
    const phone = await web.newPage();
    await phone.setViewportSize({ width: 390, height: 700 });
    await web.openLink('#example=phi-3-mini-4k.gguf', phone);
    const summary = phone.locator('#summary');
    await summary.getByText('It fits').waitFor();
    const choose = (name: string, text: string): Promise<void> =>
      phone.locator('#file').setInputFiles({ name, mimeType: '', buffer: Buffer.from(text) });
    await choose('page.gguf', '<!doctype html><p>Please sign in');
    await summary.getByText('is no GGUF file').waitFor();
    expect(await summary.innerText()).not.toContain('It fits');
    // Whoever goes on with the earlier file has read the error.
    await phone.getByLabel('Flash attention').uncheck();
    await phone.locator('#file-error').waitFor({ state: 'hidden' });
    await phone.evaluate(() => scrollTo(0, 0));
    await summary.getByText('It fits').waitFor();
    await choose('problem.csv', 'id,lower,upper,size\na,0,1,8\n');
    await summary.getByText('It fits').waitFor();
    await phone.close();
  });

  it('never breaks a number', async () => {
    const phone = await web.newPage();
    await phone.setViewportSize({ width: 320, height: 600 });
    await web.openLink('#example=llama-3.1-8b.gguf&context=2147483648', phone);
    const [weights] = await phone.locator('#sizes td:last-child').allInnerTexts();
    expect(weights).toBe('5,172,420,864');
    const lines = await phone.locator('#sizes td:last-child').evaluateAll((cells) =>
      cells.flatMap((cell) =>
        [...cell.childNodes].map((part) => {
          const range = document.createRange();
          range.selectNodeContents(part);
          return range.getClientRects().length;
        }),
      ),
    );
    expect(Math.max(...lines)).toBe(1);
    await phone.close();
  });

  it('shows bytes of ten digits in one line on a screen of 320 pixels', async () => {
    const phone = await web.newPage();
    await phone.setViewportSize({ width: 320, height: 600 });
    await web.openLink('', phone);
    const [row] = await phone.locator('#sizes thead th').evaluateAll((cells) => cells.map((cell) => cell.clientHeight));
    const texts = await phone.locator('#sizes td:last-child').evaluateAll((cells) =>
      cells.map((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return range.getBoundingClientRect().height;
      }),
    );
    expect(texts).toHaveLength(4);
    for (const height of texts) expect(height).toBeLessThan(row);
    await phone.close();
  });

  it('shows all of the map and of the numbers on a screen of 320 pixels', async () => {
    const phone = await web.newPage();
    await phone.setViewportSize({ width: 320, height: 600 });
    await web.openLink('#example=llama-3.1-8b.gguf&context=2147483648', phone);
    expect(await phone.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    const stage = (await phone.locator('.tav-stage').boundingBox())!;
    const frame = (await phone.locator('.ta-frame').boundingBox())!;
    expect(frame.x + frame.width).toBeLessThanOrEqual(stage.x + stage.width);
    await phone.close();
  });
});
