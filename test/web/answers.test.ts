/** What the web page says and saves, in cases off the beaten track. */
import { expect, it } from 'vitest';
import { describeBrowser } from '../support/browser.js';
import { fileOf, WebPage } from '../support/web-page.js';

describeBrowser('the web page', () => {
  const web = new WebPage();

  it('gives no wrong reason where any context fits', async () => {
    await web.openLink('#example=llama-3.1-8b.gguf&memory=1048576');
    await web.page.locator('#fit').getByText('Any context fits').waitFor();
    expect(await web.page.locator('#fit').innerText()).not.toContain('does not grow');
  });

  it('saves everything that was asked for, however quickly', async () => {
    const rows = Array.from({ length: 30_000 }, (_, i) => `b${i},${i},${i + 2 + (i % 100)},${32 * (1 + (i % 37))}`);
    await web.choose(fileOf('large.csv', ['id,lower,upper,size', ...rows, ''].join('\n')));
    const saved = ['SVG', 'JSON', 'CSV'].map(() => web.page.waitForEvent('download'));
    const names = new Set<string>();
    web.page.on('download', (download) => void names.add(download.suggestedFilename()));
    for (const name of ['SVG', 'JSON', 'CSV']) await web.page.getByRole('button', { name, exact: true }).click();
    await Promise.all(saved);
    await expect.poll(() => [...names].sort()).toEqual(['large.map.svg', 'large.placement.csv', 'large.plan.json']);
  });
});
