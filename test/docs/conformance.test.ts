/** The table of conformance is that of the library as it is, and of the recordings that lie beside it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { conformanceTable, withTable } from '../../benchmarks/conformance-table.js';
import { readGguf } from '../../src/gguf/gguf.js';
import { LLAMA_CPP_BUILD, LLAMA_CPP_COMMIT } from '../../src/models/index.js';
import { ARCHITECTURES } from '../../src/models/architectures/index.js';
import { describeShared, listRecordings, projectPath } from '../support/shared.js';

const text = readFileSync(projectPath('docs', 'conformance.md'), 'utf8');
const rows = new Map(
  [...text.matchAll(/^\| (\S+) \| (\d+) \| (\d+) \| ([^|]+) \|/gm)].map(([, name, models, recordings, result]) => [
    name,
    { models: Number(models), recordings: Number(recordings), result },
  ]),
);

describe('docs/conformance.md', () => {
  it('is about the release that the library says', () => {
    const release = `llama.cpp b${LLAMA_CPP_BUILD} (commit ${LLAMA_CPP_COMMIT}`;
    expect(text.split(release).length - 1).toBe(2);
  });

  it('calls no architecture of the library unsupported, and no other supported', () => {
    const supported = [...rows].filter(([, { result }]) => result !== 'unsupported').map(([name]) => name);
    expect(supported.sort()).toEqual([...ARCHITECTURES.keys()].sort());
  });
});

describeShared('the recordings', () => {
  it('are as many as docs/conformance.md says', async () => {
    const counts = new Map<string, number>();
    for (const { headerPath } of (['graphs/llama', 'supported', 'archs', 'real'] as const).flatMap(listRecordings)) {
      counts.set(headerPath, (counts.get(headerPath) ?? 0) + 1);
    }
    const found = new Map<string, { models: number; recordings: number }>();
    for (const [path, count] of counts) {
      const name = String((await readGguf(path)).metadata['general.architecture']);
      const { models, recordings } = found.get(name) ?? { models: 0, recordings: 0 };
      found.set(name, { models: models + 1, recordings: recordings + count });
    }
    const listed = [...rows].map(([name, { models, recordings }]) => [name, { models, recordings }] as const);
    expect(new Map(listed)).toEqual(found);
  });
});

describe('the table', () => {
  const equal = { architecture: 'a', models: 1, recordings: 2, differing: 0, difference: '' };
  const different = { ...equal, architecture: 'b', differing: 1, difference: 'x: graph: node 1 | 2' };
  const unsupported = { ...equal, architecture: 'c', differing: null };

  it('says what is equal, what differs and where, and what is not built', () => {
    const table = conformanceTable([equal, different, unsupported], 'r1');
    expect(table).toContain('4 recordings of r1: 1 architectures equal, 1 different, 1 unsupported.');
    expect(table).toContain('| a | 1 | 2 | equal |  |');
    expect(table).toContain('| b | 1 | 2 | **different** in 1 of 2 | x: graph: node 1 \\| 2 |');
    expect(table).toContain('| c | 1 | 2 | unsupported |  |');
  });

  it('takes the place of the one before, and of nothing else', () => {
    const marks = ['<!-- written by npm run conformance -->', '<!-- end -->'];
    const once = withTable(`# Title\n\n${marks[0]}\n\nold\n\n${marks[1]}\n\nrest`, 'new');
    expect(once).toBe(`# Title\n\n${marks[0]}\n\nnew\n\n${marks[1]}\n\nrest`);
    expect(withTable(once, 'new')).toBe(once);
    expect(() => withTable('no marks', 'new')).toThrow(/needs a line/);
  });
});
