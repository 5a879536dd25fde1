/** What the web page says and saves, in cases off the beaten track. */
import { expect, it } from 'vitest';
import { describeBrowser } from '../support/browser.js';
import { fileOf, WebPage } from '../support/web-page.js';

/** How long a slow machine may take; what is asked for is waited for, however long that is. */
const PATIENCE_MS = 600_000;

describeBrowser('the web page', () => {
  const web = new WebPage();

  it(
    'gives no wrong reason where any context fits',
    async () => {
      await web.openLink('#example=llama-3.1-8b.gguf&memory=1048576');
      await web.page.locator('#fit').getByText('Any context fits').waitFor({ timeout: 0 });
      expect(await web.page.locator('#fit').innerText()).not.toContain('does not grow');
    },
    PATIENCE_MS,
  );

  it(
    'saves everything that was asked for, however quickly',
    async () => {
      const rows = Array.from({ length: 10_000 }, (_, i) => `b${i},${i},${i + 2 + (i % 100)},${32 * (1 + (i % 37))}`);
      await web.choose(fileOf('large.csv', ['id,lower,upper,size', ...rows, ''].join('\n')));
      const formats = ['SVG', 'JSON', 'CSV'];
      const names: string[] = [];
      const saved = new Promise<void>((resolve) => {
        web.page.on('download', (download) => {
          names.push(download.suggestedFilename());
          if (names.length === formats.length) resolve();
        });
      });
      for (const name of formats) await web.page.getByRole('button', { name, exact: true }).click({ timeout: 0 });
      await saved;
      expect(names.sort()).toEqual(['large.map.svg', 'large.placement.csv', 'large.plan.json']);
    },
    PATIENCE_MS,
  );
});
