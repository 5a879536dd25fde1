/** The tests that mutants of one target are run against: quick ones, which need no data from elsewhere. */
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.js';
import { findTarget } from './targets.mjs';

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    env: { FC_TIME_LIMIT_MS: '1000' },
    include: findTarget().tests.map((path) => `test/${path}.test.ts`),
  },
});
