/**
 * On a narrow screen the settings are above the answer: while it is still below the screen, its verdict and its bar are
 * shown at the bottom, so that both can be watched while a slider moves.
 */
import { byId, make } from './elements.js';

const summary = byId('summary');
let isAnswerBelow = false;

/** Repeats what the answer says now; nothing if there is none. */
export function updateSummary(): void {
  const answer = byId('answer');
  summary.hidden = answer.hidden || !isAnswerBelow;
  if (answer.hidden) return;
  const verdict = byId('verdict');
  const bar = make('div', 'bar', ...byId('bar').cloneNode(true).childNodes);
  summary.replaceChildren(make('p', verdict.className, verdict.textContent), bar);
}

new IntersectionObserver(([{ isIntersecting, boundingClientRect }]) => {
  isAnswerBelow = !isIntersecting && boundingClientRect.top > 0;
  updateSummary();
}).observe(byId('answer'));
