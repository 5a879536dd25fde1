/**
 * A page in Debian's Chromium that has WebGPU on its software adapter, and the functions of `page.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll } from 'vitest';
import { launchBrowser } from '../browser.js';
import { projectPath } from '../shared.js';
import { serveFolder, type StaticServer } from '../static-server.js';
import type { PageFunctions } from './page.js';

const SWITCHES = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader', '--enable-features=Vulkan'];

type Rest<F> = F extends (gpu: never, ...args: infer A) => unknown ? A : never;
type Value<F> = F extends (...args: never[]) => infer V ? Awaited<V> : never;

export class GpuPage {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tensor-arena-webgpu-'));
  #server!: StaticServer;
  #browser!: Browser;
  #page!: Page;

  /** Opens the page for the tests of a `describe`. */
  constructor() {
    beforeAll(async () => {
      await build({
        absWorkingDir: projectPath(),
        entryPoints: ['test/support/webgpu/page.ts'],
        outfile: join(this.#folder, 'page.js'),
        bundle: true,
        format: 'iife',
        target: 'es2022',
      });
      writeFileSync(join(this.#folder, 'index.html'), '<!doctype html><script src="page.js"></script>');
      this.#server = await serveFolder(this.#folder);
      this.#browser = await launchBrowser(SWITCHES);
      this.#page = await this.#browser.newPage();
      await this.#page.goto(this.#server.url);
    });
    afterAll(async () => {
      await this.#browser.close();
      this.#server.close();
      rmSync(this.#folder, { recursive: true });
    });
  }

  /** Calls a function of the page. */
  call<Name extends keyof PageFunctions>(
    name: Name,
    ...args: Rest<PageFunctions[Name]>
  ): Promise<{ value: Value<PageFunctions[Name]>; errors: string[] }> {
    // In the page, `call` is the function of page.ts.
    const call = ([called, given]: unknown[]): unknown =>
      (globalThis as unknown as { call: (...all: unknown[]) => unknown }).call(called, given);
    return this.#page.evaluate(call, [name, args] as unknown[]) as never;
  }
}
