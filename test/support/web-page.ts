/**
 * The web page as it is hosted: built, served and opened in a real browser, once for all tests of a file.
 *
 * Invariant: what the page logs, what it fails with, and what it asks of any other host is in `problems`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { launchBrowser } from './browser.js';
import { projectPath } from './shared.js';
import { serveFolder, type StaticServer } from './static-server.js';

/** Content of a file to choose, or the path of one. */
export type Chosen = string | { readonly name: string; readonly mimeType: string; readonly buffer: Buffer };

export class WebPage {
  readonly problems: string[] = [];
  page!: Page;
  context!: BrowserContext;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tensor-arena-web-'));
  #server!: StaticServer;
  #browser!: Browser;

  /** Opens the page for the tests of a `describe`, and the link without settings before each. */
  constructor() {
    beforeAll(async () => {
      await build({
        configFile: projectPath('web/vite.config.ts'),
        logLevel: 'error',
        build: { outDir: this.#folder, emptyOutDir: true },
      });
      this.#server = await serveFolder(this.#folder);
      this.#browser = await launchBrowser();
      this.context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 } });
      this.context.setDefaultTimeout(90_000);
      this.page = await this.newPage();
    });
    beforeEach(async () => {
      this.problems.length = 0;
      await this.page.goto('about:blank');
      await this.openLink('');
    });
    afterAll(async () => {
      await this.#browser.close();
      this.#server.close();
      rmSync(this.#folder, { recursive: true });
    });
  }

  async newPage(): Promise<Page> {
    const opened = await this.context.newPage();
    opened.on('pageerror', (error) => this.problems.push(error.message));
    opened.on('console', (message) => this.problems.push(message.text()));
    opened.on('dialog', (dialog) => {
      this.problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    opened.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(this.#server.url) && !/^(blob|data):/.test(url)) this.problems.push(url);
    });
    return opened;
  }

  async openLink(hash: string, on = this.page): Promise<void> {
    await on.goto(this.#server.url + hash);
    await this.settled(on);
  }

  async settled(on = this.page): Promise<void> {
    await on.locator('#results[aria-busy=false]').waitFor();
    await on
      .locator('.tav-picture svg, #error:visible, #file-error:visible, #hint:visible, #verdict:visible')
      .first()
      .waitFor();
  }

  async choose(files: Chosen | readonly Chosen[]): Promise<void> {
    await this.page.setInputFiles('#file', files as string[]);
    await this.settled();
  }

  /** The column of exact sizes. */
  bytes(on = this.page): Promise<string[]> {
    return on.locator('#sizes td:last-child').allInnerTexts();
  }

  /** Why the settings cannot be planned. */
  error(): Promise<string> {
    return this.page.locator('#error').innerText();
  }

  /** Why a file cannot be used. */
  fileError(): Promise<string> {
    return this.page.locator('#file-error').innerText();
  }
}

/** A file to choose. */
export function fileOf(name: string, content: string | Uint8Array): Chosen {
  return { name, mimeType: '', buffer: Buffer.from(content) };
}

/** A number as the page groups it. */
export const digits = (count: number): string => count.toLocaleString('en-GB');
