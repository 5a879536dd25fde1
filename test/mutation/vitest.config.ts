/** The tests that mutants of liveness, allocators and verifiers are run against: the quick ones. */
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.js';

const QUICK = [
  'liveness/*',
  'verify/{verify-plan,replay,placement}',
  'alloc/{ggml,greedy,solve}',
  'plan/{random-graphs,arena}',
];
const include = [...QUICK, 'testing/{arbitraries,plan-mutations}'].map((path) => `test/${path}.test.ts`);

export default defineConfig({ ...base, test: { ...base.test, include } });
