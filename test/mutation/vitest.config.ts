/** The tests that the mutants of one target are run against: quick ones, which need no data from elsewhere. */
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';
import base from '../../vitest.config.js';

interface Target {
  readonly name: string;
  readonly tests: readonly string[];
}

const name = process.env.MUTATION_TARGET;
const targets = JSON.parse(readFileSync('test/mutation/targets.json', 'utf8')) as Target[];
const target = targets.find((each) => each.name === name);
if (target === undefined) throw new Error(`MUTATION_TARGET is ${name}, which is no target`);

export default defineConfig({
  ...base,
  test: { ...base.test, projects: undefined, include: target.tests.map((path) => `test/${path}.test.ts`) },
});
