/**
 * The thread that draws the progress bar: nothing during the first second, then a bar until it is told to stop.
 */
import { WriteStream } from 'node:tty';
import { parentPort, workerData } from 'node:worker_threads';
import { SingleBar } from 'cli-progress';
import type { ProgressMessage } from './progress.js';

const STANDARD_ERROR = 2;

const { total, delayMs } = workerData as { total: number; delayMs: number };
let latest = { done: 0, text: '' };
let bar: SingleBar | null = null;

const timer = setTimeout(() => {
  // The thread's own `process.stderr` waits for the main thread, which is busy.
  bar = new SingleBar({
    stream: new WriteStream(STANDARD_ERROR),
    format: '{bar} {value}/{total} {text} {duration_formatted}',
    barsize: 20,
    clearOnComplete: true,
    noTTYOutput: false,
  });
  bar.start(total, latest.done, { text: latest.text });
}, delayMs);

parentPort?.on('message', (message: ProgressMessage) => {
  if (message === null) {
    clearTimeout(timer);
    bar?.stop();
    parentPort?.close();
  } else {
    latest = message;
    bar?.update(message.done, { text: message.text });
  }
});
