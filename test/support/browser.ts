/**
 * A real browser for end-to-end tests: Debian's Chromium.
 *
 * Invariant: a test that needs it either runs or says that it was skipped; under `CI=true` an absent browser is a failure.
 */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';
import { describe, it } from 'vitest';

const PATH = '/usr/bin/chromium';
const isPresent = existsSync(PATH);

const SWITCHES = [
  ...['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync'],
];

/** @param switches what the tests need besides. Default: no graphics processor */
export function launchBrowser(switches: readonly string[] = ['--disable-gpu']): Promise<Browser> {
  return chromium.launch({ executablePath: PATH, args: [...SWITCHES, ...switches] });
}

/** `describe` for tests that need a browser: skipped with a reason when it is absent, failed if `CI=true`. */
export function describeBrowser(name: string, tests: () => void): void {
  if (isPresent) {
    describe(name, tests);
  } else if (process.env.CI === 'true') {
    describe(name, () => {
      it('finds its browser', () => {
        throw new Error(`CI needs ${PATH}; install Debian's package chromium.`);
      });
    });
  } else {
    describe.skip(`${name} [skipped: no ${PATH}]`, tests);
  }
}
