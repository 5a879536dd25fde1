/**
 * A worker that is never behind: while it works, only the newest job waits.
 *
 *     ask   1 2 3 4 . . . 5
 *     runs  1───── 4───── 5───     2 and 3 are never run
 *
 * Invariant: at most one job runs and one waits. A worker that dies, or that is still at an old job after
 * {@link PATIENCE} when a new one comes, is replaced: a job holds all that a fresh worker needs.
 */
import type { Job, Reply } from './messages.js';

/** Milliseconds that a job may hold up a newer one. */
const PATIENCE = 3000;

export class WorkerQueue {
  readonly #onReply: (job: Job, reply: Reply) => void;
  #worker: Worker | null = null;
  #running: Job | null = null;
  #waiting: Job | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(onReply: (job: Job, reply: Reply) => void) {
    this.#onReply = onReply;
  }

  ask(job: Job): void {
    this.#waiting = job;
    if (this.#running === null) this.#next();
    else this.#timer ??= setTimeout(() => this.#replace(), PATIENCE);
  }

  /** Forgets what runs and waits: their replies never come. */
  cancel(): void {
    this.#waiting = null;
    if (this.#running !== null) this.#replace();
  }

  #next(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#running = this.#waiting;
    this.#waiting = null;
    if (this.#running === null) return;
    this.#worker ??= this.#start();
    this.#worker.postMessage(this.#running);
  }

  #start(): Worker {
    const worker = new Worker(new URL('./worker/worker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<Reply>) => this.#finish(data));
    worker.addEventListener('error', (event) => {
      event.preventDefault();
      worker.terminate();
      this.#worker = null;
      const message = `The planner stopped: ${event.message || 'no reason'}.`;
      this.#finish({ task: 'failure', failure: { message, isOfFile: false, dims: [] } });
    });
    return worker;
  }

  #replace(): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#next();
  }

  /** The reply first: what the page asks of the worker because of it comes before the next job. */
  #finish(reply: Reply): void {
    const job = this.#running;
    this.#running = null;
    if (job !== null) this.#onReply(job, reply);
    if (this.#running === null) this.#next();
  }
}
