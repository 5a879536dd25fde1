/**
 * Damaged plan files and arbitrary arguments for the command: one line on standard error and an exit code, never an
 * exception, a file elsewhere, or anything that a shell would take for a command.
 */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { graphToJson } from '../../src/json/write.js';
import { planGraph } from '../../src/plan/plan.js';
import { graphOfMoves } from '../../src/testing/graph-moves.js';
import { cli, FIVE_BUFFERS, scratchFolder, type CliResult } from '../support/cli.js';
import { bounded, damageJson, jsonDamage } from '../support/damage.js';
import { projectPath } from '../support/shared.js';

const { path, write } = scratchFolder();
const graph = graphOfMoves(
  [
    ['fan', 0, 3, 0],
    ['output', 0, 0, 0],
    ['run', 0, 2, 1],
  ],
  1,
);
const graphFile = write('graph.json', JSON.stringify(graphToJson(graph)));
const problemFile = write('problem.csv', FIVE_BUFFERS);
const plan = planGraph(graph).toJSON();
const planFile = write('plan.json', JSON.stringify(plan));
const modelFile = projectPath('examples/phi-3-mini-4k.gguf');

function expectCivil({ code, err }: CliResult): void {
  expect([0, 1, 2]).toContain(code);
  expect(err).not.toContain('unexpected:');
  expect(err).not.toMatch(/\n\s+at /); // no stack
  if (code === 2 && !err.startsWith('Usage:')) expect(err).toMatch(/^((note|warning|error): [^\n]+\n)+$/i);
}

it('plan JSON', async () => {
  const codes = new Set<number>();
  await fc.assert(
    fc.asyncProperty(jsonDamage, async (damages) => {
      const file = write('damaged.json', JSON.stringify(damageJson(plan, damages)));
      const result = await bounded(() => cli('verify', graphFile, file));
      expectCivil(result);
      codes.add(result.code);
      expect(Object.keys(Object.prototype)).toEqual([]);
    }),
    { numRuns: 500 },
  );
  expect([...codes].sort()).toEqual([0, 1, 2]);
});

it('arguments', async () => {
  const commands = ['measure', 'fit', 'sweep', 'plan', 'verify', 'map', 'help', 'no-such-command'];
  const flags = [
    ...[
      '--help',
      '--version',
      '--',
      '-',
      '',
      '-o',
      '--output',
      '--json',
      '--timeline',
      '--swa-full',
      '-kvu',
      '--memory',
    ],
    ...['-c', '-b', '-ub', '-np', '-fa', '-ctk', '-ctv', '--phase', '--allocator', '--in-place', '--alignment'],
    ...['--max-chunk-size', '--capacity', '--no-such-flag', '--__proto__=1'],
  ];
  const values = [
    ...['0', '1', '-1', '32', '4096', '9007199254740992', '1e999', 'NaN', '1.5', '1,2,3', '8GiB', '-8GiB', '1024TiB'],
    ...['ggml', 'auto', 'full', 'on', 'pp', 'q8_0', '__proto__', 'constructor'],
  ];
  const files = [
    ...[
      '$(touch pwned)',
      '`touch pwned`',
      '; touch pwned',
      '| cat',
      '../../../etc/passwd',
      '/dev/null',
      'nul\u0000byte',
    ],
    ...[graphFile, problemFile, modelFile, planFile, path('absent.json'), path('.'), projectPath('package.json')],
    ...[graphFile, problemFile, modelFile],
  ];
  const words = [...commands, ...flags, ...values, ...files];
  const argument = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...words) }, fc.string({ unit: 'binary' }));
  // A flag with some value behind it gets further than words at random.
  const flagged = fc.tuple(fc.constantFrom(...flags), fc.constantFrom(...values));
  const rest = fc.array(fc.oneof(flagged, fc.tuple(argument)), { maxLength: 5 }).map((list): string[] => list.flat());
  const line = fc.tuple(fc.constantFrom(...commands), fc.constantFrom(...files), rest);
  const before = readdirSync(projectPath()).sort();
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        line.map(([command, file, others]) => [command, file, ...others]),
        fc.array(argument, { maxLength: 6 }),
      ),
      async (args) => {
        // Where output goes is the caller's business; here it stays in the scratch folder.
        const safe = args.map((each, i) => (['-o', '--output'].includes(args[i - 1]) ? path('out.json') : each));
        const known = safe.filter((each) => !/^(-o|--output=?).+/.test(each) || each === '--output');
        expectCivil(await bounded(() => cli(...known)));
      },
    ),
    { numRuns: 500 },
  );
  expect(readdirSync(projectPath()).sort()).toEqual(before);
});
