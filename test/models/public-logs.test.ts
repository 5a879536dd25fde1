/** Logs that people have published, figure by figure, and the page that lists them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cpuDevice } from '../../src/device/cpu.js';
import { parseDevices } from '../../src/device/parse.js';
import { measureModel } from '../../src/models/measure-model.js';
import type { MachineMeasurement } from '../../src/models/measure-on-devices.js';
import { readFlags } from '../support/device-cases.js';
import { figureRows, logRows } from '../support/public-logs-page.js';
import { PUBLIC_LOGS, type PublicLog } from '../support/public-logs.js';
import { projectPath } from '../support/shared-data.js';

async function measure({ header, devices, flags, program }: PublicLog): Promise<MachineMeasurement> {
  const { model, offload } = readFlags(flags.split(' '));
  const machine = [...parseDevices(devices), cpuDevice()];
  return measureModel(await header().gguf(), { ...model, ...offload, program, devices: machine });
}

/** MiB with two decimals as C prints them: of two as near, the even one. */
function printedMib(bytes: number): string {
  const hundredths = (bytes * 100) / 2 ** 20;
  const below = Math.floor(hundredths);
  const isTie = hundredths - below === 0.5;
  return ((isTie ? below + (below % 2) : Math.round(hundredths)) / 100).toFixed(2);
}

/** Every figure that a log may have, by its name there. */
function figuresOf({ buffers, nodes, splits }: MachineMeasurement): Record<string, string> {
  const sizes = buffers.map(({ type, purpose, bytes }) => [`${type.name} ${purpose}`, printedMib(bytes)] as const);
  return Object.fromEntries([...sizes, ['graph nodes', `${nodes.pp}`], ['graph splits', `${splits.pp}, ${splits.tg}`]]);
}

describe.each(PUBLIC_LOGS.map((log) => [`${log.source}, ${log.model} ${log.flags}`, log] as const))('%s', (_, log) => {
  it('is what we say, or differs as described', async () => {
    const ours = figuresOf(await measure(log));
    const expected = Object.entries(log.figures).map(([name, figure]) => [
      name,
      typeof figure === 'string' ? figure : figure[1],
    ]);
    expect(Object.fromEntries(expected.map(([name]) => [name, ours[name]]))).toEqual(Object.fromEntries(expected));
  });
});

describe('docs/public-logs.md', () => {
  const lines = readFileSync(projectPath('docs/public-logs.md'), 'utf8').split('\n');
  const tableBelow = (head: string): string[] => {
    const first = lines.indexOf(head) + 2;
    return lines.slice(first, lines.indexOf('', first));
  };

  it('has every log', () => {
    expect(tableBelow('| # | log | build | machine | model | options |')).toEqual(logRows());
  });

  it('has every figure', () => {
    expect(tableBelow('| # | buffer | log | ours | |')).toEqual(figureRows());
  });
});
