/** What a newcomer reads: help, version, sizes. */
import { describe, expect, it } from 'vitest';
import { version } from '../../package.json';
import { byteSize } from '../../src/cli/flag-values.js';
import { expandShortNames } from '../../src/cli/flag-names.js';
import { cli } from '../support/cli.js';

describe('help', () => {
  it.each([
    ['measure', ['FILE...']],
    ['plan', ['FILE']],
    ['verify', ['FILE', 'PLAN']],
  ])('%s lists operands, flags and exit codes', async (command, operands) => {
    const { code, out, err } = await cli(command, '--help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(
      `Usage: tensor-arena ${command} [options] ${operands.map((name) => `<${name}>`).join(' ')}\n`,
    );
    expect(out).toContain('Exit code: 0 done, 1 the answer is no');
    const names = ['-c, --ctx-size', '-b, --batch-size', '-ub, --ubatch-size', '-np, --parallel', '-kvu, --kv-unified'];
    names.push('-fa, --flash-attn', '-ctk, --cache-type-k', '-ctv, --cache-type-v', '--swa-full', '--phase');
    for (const name of names) expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(out.split('\n').filter((line) => line.length > 80 && line.startsWith('  -'))).toEqual([]);
  });

  it('lists the commands, on standard error if none was given', async () => {
    const asked = await cli('--help');
    expect(asked).toMatchObject({ code: 0, err: '' });
    for (const command of ['measure', 'plan', 'verify']) expect(asked.out).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(await cli()).toEqual({ code: 2, out: '', err: asked.out });
    expect(await cli('help', 'plan')).toEqual(await cli('plan', '--help'));
  });

  it('prints the version', async () => {
    expect(await cli('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
  });
});

describe('short names of several letters', () => {
  it('stand for long ones, but not after --', () => {
    const args = ['measure', '-ub', '8', '-np', '2', '-kvu', '-fa', 'on', '-ctk', 'f16', '-ctv', 'f16', '-c', '4'];
    expect(expandShortNames([...args, '--', '-ub'])).toEqual(
      'measure --ubatch-size 8 --parallel 2 --kv-unified --flash-attn on --cache-type-k f16 --cache-type-v f16 -c 4 -- -ub'.split(
        ' ',
      ),
    );
  });
});

describe('sizes', () => {
  it.each([
    ['1', 1],
    ['4096', 4096],
    ['4096B', 4096],
    ['1k', 1024],
    ['8GiB', 8 * 1024 ** 3],
    ['8gib', 8 * 1024 ** 3],
    ['8 GiB', 8 * 1024 ** 3],
    ['8GB', 8_000_000_000],
    ['8e9', 8_000_000_000],
    ['1.5MiB', 1.5 * 1024 ** 2],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ])('%s is %d bytes', (text, bytes) => {
    expect(byteSize(text)).toBe(bytes);
  });

  it.each(['', '0', '-1', '1.5', '0.3KiB', '0x10', 'GiB', '8 GiB!', '8PiB', 'Infinity', '__proto__'])(
    '%j is none',
    (text) => {
      expect(() => byteSize(text)).toThrow('whole number of bytes');
    },
  );
});
