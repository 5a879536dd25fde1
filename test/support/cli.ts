/**
 * Runs the command in-process: what it prints and its exit code.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { run } from '../../src/cli/run.js';
import type { Terminal } from '../../src/cli/terminal.js';
import { PLAIN } from '../../src/report/style.js';

export interface CliResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `tensor-arena` with these arguments, as if piped. */
export async function cli(...args: string[]): Promise<CliResult> {
  return cliOn({}, ...args);
}

/** The same on a terminal that differs from a pipe. */
export async function cliOn(terminal: Partial<Terminal>, ...args: string[]): Promise<CliResult> {
  let out = '';
  let err = '';
  const code = await run(args, {
    write: (text) => void (out += text),
    writeError: (text) => void (err += text),
    style: PLAIN,
    errorStyle: PLAIN,
    columns: null,
    isWatched: false,
    untilInterrupted: (work) => work(new AbortController().signal),
    ...terminal,
  });
  return { code, out, err };
}

/** A folder that is gone after the tests of this file. */
export function scratchFolder(): {
  path: (name: string) => string;
  write: (name: string, data: string | Uint8Array) => string;
} {
  const folder = mkdtempSync(join(tmpdir(), 'tensor-arena-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string): string => join(folder, name);
  const write = (name: string, data: string | Uint8Array): string => {
    writeFileSync(path(name), data);
    return path(name);
  };
  return { path, write };
}

/** The five buffers of `problem.ts`; a peak of 12 bytes is optimal. */
export const FIVE_BUFFERS = 'id,lower,upper,size\nA,0,1,4\nB,1,4,4\nC,0,3,4\nD,3,4,4\nE,0,4,4\n';
