/**
 * On a narrow screen the settings are above the answer: while it is still below the screen, its verdict and its bar are
 * shown at the bottom, so that both can be watched while a slider moves. An error stands above the answer, so it comes
 * first here as well.
 */
import { byId, make } from './elements.js';

const summary = byId('summary');
const errors = [byId('file-error'), byId('error')];

/** Repeats what the results begin with now; nothing if there is none. */
export function updateSummary(): void {
  const answer = byId('answer');
  const error = errors.find(({ hidden }) => !hidden);
  const first = error ?? (answer.hidden || answer.inert ? null : answer);
  // Asked, not remembered: an answer that appears below the screen changes nothing that an observer is told of.
  summary.hidden = first === null || first.getBoundingClientRect().top <= innerHeight;
  if (summary.hidden) return;
  if (error === undefined) repeatAnswer();
  else summary.replaceChildren(make('p', 'no', error.textContent));
}

function repeatAnswer(): void {
  const verdict = byId('verdict');
  const bars = byId('bar').hidden ? document.querySelectorAll('#device-bars .bar') : [byId('bar')];
  const copies = [...bars].map((bar) => make('div', 'bar', ...bar.cloneNode(true).childNodes));
  summary.replaceChildren(make('p', verdict.className, verdict.textContent), ...copies);
  for (const part of summary.querySelectorAll('[tabindex]')) part.removeAttribute('tabindex');
}

const observer = new IntersectionObserver(updateSummary);
for (const shown of [...errors, byId('answer')]) observer.observe(shown);
