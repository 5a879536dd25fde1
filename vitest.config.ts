import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    // Examples import the package by name; tests run them on the sources.
    alias: [
      { find: /^tensor-arena$/, replacement: source('index.ts') },
      { find: /^tensor-arena\/(\w+)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/print-seed.ts'],
    setupFiles: ['test/support/seed-fast-check.ts'],
    // Every core: by default one is left free, which on two cores doubles the time.
    maxWorkers: '100%',
    // Only a hang fails by time: no machine is so slow.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
