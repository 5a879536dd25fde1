/**
 * Saves what was planned, in the format of the button that is pressed.
 */
import type { ExportFormat, Job, Reply, Source } from '../messages.js';
import type { Settings } from '../settings.js';
import { WorkerQueue } from '../worker-queue.js';
import { byId } from './elements.js';
import { saveText } from './files.js';

const EXPORTS: Readonly<Record<ExportFormat, { readonly ending: string; readonly type: string }>> = {
  svg: { ending: '.map.svg', type: 'image/svg+xml' },
  json: { ending: '.plan.json', type: 'application/json' },
  csv: { ending: '.placement.csv', type: 'text/csv' },
};

export class Exports {
  /** One for each, since what was asked for has to come: a queue drops all but the newest. */
  readonly #queues = {
    svg: new WorkerQueue(onReply),
    json: new WorkerQueue(onReply),
    csv: new WorkerQueue(onReply),
  };

  /** `subject` says what there is to save; null for nothing. */
  constructor(subject: () => { readonly source: Source; readonly settings: Settings } | null) {
    for (const each of document.querySelectorAll<HTMLElement>('[data-export]')) {
      each.addEventListener('click', () => {
        const task = each.dataset.export as ExportFormat;
        const present = subject();
        if (present !== null) this.#queues[task].ask({ task, ...present });
      });
    }
  }

  cancel(): void {
    for (const queue of Object.values(this.#queues)) queue.cancel();
  }
}

function onReply(job: Job, reply: Reply): void {
  const notice = byId('notice');
  if (reply.task === 'failure') notice.textContent = reply.failure.message;
  if (!('text' in reply)) return;
  const { ending, type } = EXPORTS[reply.task];
  const name = job.source.name.replace(/\.[^.]*(\.gz)?$/i, '') + ending;
  saveText(reply.text, name, type);
  notice.textContent = `Saved ${name}.`;
}
