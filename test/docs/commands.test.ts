/** Every command that a reader can copy exists and does its work: the lines of shell in README and docs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scripts } from '../../package.json';
import { cli, scratchFolder } from '../support/cli.js';
import { projectPath } from '../support/shared.js';

/** What stands for a reader's own file. */
const FILES: Readonly<Record<string, string | undefined>> = {
  'model.gguf': projectPath('examples/phi-3-mini-4k.gguf'),
  'problem.csv': projectPath('examples/problem.csv'),
};
const { path } = scratchFolder();

const files = [
  'README.md',
  ...readdirSync(projectPath('docs'), { recursive: true, encoding: 'utf8' }).flatMap((name) =>
    // What TypeDoc makes of them is in docs/api.
    name.endsWith('.md') && !name.startsWith('api/') ? [`docs/${name}`] : [],
  ),
];

/** Indented lines that start with a command; what follows a gap of two spaces is a comment. */
const commands = files.flatMap((file) =>
  [...readFileSync(projectPath(file), 'utf8').matchAll(/^ {4}((?:npm|npx|tensor-arena) .*)$/gm)].flatMap(([, line]) =>
    line
      .split(/ {2,}/)[0]
      .split(' && ')
      .map((command) => [file, command] as const),
  ),
);

/** The arguments of the project's own command, however it is called. */
const argumentsOf = (command: string): string[] | undefined =>
  /^(?:(?:npx )?tensor-arena|npx tsx src\/cli\/main\.ts) (.*)$/.exec(command)?.[1].split(' ');

const own = commands.filter(([, command]) => argumentsOf(command) !== undefined);
const others = commands.filter(([, command]) => argumentsOf(command) === undefined);

describe('commands in the documents', () => {
  it('are found', () => {
    expect(own.map(([file]) => file)).toEqual(expect.arrayContaining(['README.md', 'docs/guides/sizing-a-gguf.md']));
  });

  it.each(own)('%s: %s', async (_, command) => {
    const args = argumentsOf(command)!.map((argument, index, all) => {
      if (all[index - 1] === '-o') return path(argument);
      return FILES[argument] ?? argument;
    });
    const { code, err } = await cli(...args);
    expect(err).toBe('');
    expect(code).toBe(0);
    const output = args[args.indexOf('-o') + 1];
    if (args.includes('-o')) expect(existsSync(output)).toBe(true);
  });

  it.each(others)('%s: %s is there', (_, command) => {
    const [program, name, script] = command.split(' ');
    expect(program).toBe('npm');
    if (name === 'ci' || command === 'npm install tensor-arena') return;
    expect(Object.keys(scripts)).toContain(name === 'run' ? script : name);
  });
});
