import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

const BROWSER_TESTS = ['test/web/**/*.test.ts', 'test/viewer/page.test.ts', 'test/webgpu/*.browser.test.ts'];

/** Tests that take a part of the recorded graphs, or of their runs, unless they are told to take all. */
const RECORDED_TESTS = [
  'test/plan/fused.test.ts',
  'test/solver/search/auto-graphs.test.ts',
  'test/solver/search/solve-minimum.test.ts',
  'test/cli/compare.test.ts',
  'test/cli/devices.test.ts',
  'test/device/profiles.test.ts',
  'test/dialects/ggml/conformance.test.ts',
  'test/liveness/conflicts.test.ts',
  'test/models/conformance.test.ts',
  'test/models/device-graphs.test.ts',
  'test/models/diffusion/conformance.test.ts',
  'test/models/fit/fit-model.test.ts',
  'test/models/fit/llama-cpp.test.ts',
  'test/models/offload.test.ts',
  'test/models/schedule-input.test.ts',
  'test/planner/llama-graphs.test.ts',
  'test/passes/recorded.test.ts',
  'test/passes/split.test.ts',
  'test/schedule/fewest-bytes.test.ts',
  'test/schedule/llama-cpp.test.ts',
  'test/schedule/recorded.test.ts',
  'test/verify/real-graphs.test.ts',
  'test/webgpu/recorded.test.ts',
  'test/webgpu/random-graphs.test.ts',
];

/** What all projects share comes from the configuration around them. */
const project = (name: string, test: TestProjectInlineConfiguration['test']): TestProjectInlineConfiguration => ({
  extends: true,
  test: { name, ...test },
});

export default defineConfig({
  resolve: {
    // Examples import the package by name; tests run them on the sources.
    alias: [
      { find: /^tensor-arena$/, replacement: source('index.ts') },
      { find: /^tensor-arena\/([\w/]+)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    // Without `isolate`, the files of a worker share modules: loading them anew for each takes 40 % of the time.
    projects: [
      // `npm test`: everything else, with a representative part of the recorded graphs.
      project('library', { include: ['test/**/*.test.ts'], exclude: BROWSER_TESTS, isolate: false }),
      // `npm run test:browser`: in Debian's Chromium.
      project('browser', { include: BROWSER_TESTS }),
      // `npm run test:recorded`: every recorded graph.
      project('recorded', { include: RECORDED_TESTS, env: { RECORDED: 'all' }, isolate: false }),
    ],
    globalSetup: ['test/support/print-seed.ts'],
    setupFiles: ['test/support/seed-fast-check.ts'],
    // Every core: by default one is left free, which on two cores doubles the time.
    maxWorkers: '100%',
    // Only a hang fails by time: no machine is so slow.
    testTimeout: 180_000,
    hookTimeout: 180_000,
  },
});
