/**
 * A progress bar on standard error, for whatever takes over a second.
 *
 * Planning keeps the main thread busy, so a thread of its own draws the bar. It is only started if somebody is watching,
 * and not for a few small models, which are done before a thread has started.
 */
import { statSync } from 'node:fs';
import { kindOf } from './input-kinds.js';
import type { Terminal } from './terminal.js';

/** What the thread is told: a step begins, or with `null` that all is done. */
export type ProgressMessage = { readonly done: number; readonly text: string } | null;

/** Announces the next step, for the one before it is done; or says more on the current one. */
export type Announce = (text: string, isNext?: boolean) => void;

/** A header of fewer bytes is read, and its graph planned, in well under a second. */
const LARGE_MODEL_BYTES = 100_000;

/** More steps than this take long, however small each is. */
const MANY_STEPS = 100;

/** Built next to the command's only file. */
const BAR_FILE = './progress-bar.cjs';

/** When the bar appears. */
const BAR_DELAY_MS = 1000;

/** Does `work` of `stepCount` steps on `files`; a bar is gone before the result, or the error, is there. */
export async function withProgress<T>(
  { isWatched }: Terminal,
  files: readonly string[],
  stepCount: number,
  work: (announce: Announce) => Promise<T>,
): Promise<T> {
  if (!isWatched || !(stepCount > MANY_STEPS || files.some(mayTakeLong))) return work(() => undefined);
  const bar = await startBar(stepCount);
  try {
    return await work(bar.announce);
  } finally {
    await bar.stop();
  }
}

async function startBar(total: number): Promise<{ announce: Announce; stop: () => Promise<unknown> }> {
  const { Worker } = await import('node:worker_threads');
  const worker = new Worker(new URL(BAR_FILE, import.meta.url), {
    workerData: { total, delayMs: BAR_DELAY_MS },
  });
  const startTime = performance.now();
  const ended = new Promise((resolve) => {
    worker.once('exit', resolve);
    worker.once('error', resolve); // the work matters, the bar does not
  });
  const tell = (message: ProgressMessage): void => worker.postMessage(message);
  let done = -1;
  return {
    announce: (text, isNext = true) => tell({ done: isNext ? ++done : done, text }),
    stop: () => {
      const mayBeDrawn = performance.now() - startTime > BAR_DELAY_MS / 2;
      if (!mayBeDrawn) return worker.terminate();
      tell(null);
      return ended;
    },
  };
}

/** A problem of any size may be hard; what is not on this disk may be slow. */
function mayTakeLong(file: string): boolean {
  if (kindOf(file) !== 'model') return true;
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  return size === undefined || size > LARGE_MODEL_BYTES;
}
