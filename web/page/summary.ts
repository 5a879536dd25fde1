/**
 * On a narrow screen the settings are above the answer: while it is still below the screen, its verdict and its bar are
 * shown at the bottom, so that both can be watched while a slider moves.
 */
import { byId, make } from './elements.js';

const summary = byId('summary');

/** Repeats what the answer says now; nothing if there is none. */
export function updateSummary(): void {
  const answer = byId('answer');
  // Asked, not remembered: an answer that appears below the screen changes nothing that an observer is told of.
  summary.hidden = answer.hidden || answer.inert || answer.getBoundingClientRect().top <= innerHeight;
  if (summary.hidden) return;
  const verdict = byId('verdict');
  const bars = byId('bar').hidden ? document.querySelectorAll('#device-bars .bar') : [byId('bar')];
  const copies = [...bars].map((bar) => make('div', 'bar', ...bar.cloneNode(true).childNodes));
  summary.replaceChildren(make('p', verdict.className, verdict.textContent), ...copies);
  for (const part of summary.querySelectorAll('[tabindex]')) part.removeAttribute('tabindex');
}

new IntersectionObserver(updateSummary).observe(byId('answer'));
