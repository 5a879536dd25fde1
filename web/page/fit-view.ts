/**
 * What fits into the memory, with a button for each change that helps, and what the other allocator would need.
 */
import { groupDigits, humanBytes } from 'tensor-arena/viewer';
import type { FitAnswer } from '../messages.js';
import type { Settings } from '../settings.js';
import { button, byId, make } from './elements.js';
import { compared } from './format.js';

/** Shows an answer; nothing if there is none. */
export function showFit(
  fit: FitAnswer | null,
  settings: Settings,
  onChange: (change: Partial<Settings>) => void,
): void {
  const target = byId('fit');
  target.hidden = fit === null;
  if (fit === null) return;
  const hadFocus = target.contains(document.activeElement);
  target.replaceChildren(largestContext(fit, settings, onChange), ...remedies(fit, onChange), comparison(fit));
  if (hadFocus) target.focus(); // a button that did its work is gone
}

function largestContext(
  { largestContext: tokens, wantedContext, trainedContext, isUnlimited, isRecurrent }: FitAnswer,
  { modelAllocator }: Settings,
  onChange: (change: Partial<Settings>) => void,
): HTMLElement {
  if (isUnlimited) {
    const why = isRecurrent ? ': the state of this model does not grow with it' : ' that llama.cpp can be asked for';
    return make('p', '', `Any context fits${why}.`);
  }
  if (tokens === null) return make('p', '', 'No context fits, however short.');
  const how = modelAllocator === 'ggml' ? '' : ', with llama.cpp’s allocator';
  const count = make('strong', '', `${groupDigits(tokens)} tokens`);
  if (tokens > trainedContext && wantedContext >= trainedContext) {
    const trained = `It was trained on ${groupDigits(trainedContext)} tokens; there is room for `;
    return make('p', '', make('span', '', trained, count, how, '.'));
  }
  const line = make('p', '', make('span', '', 'Largest context that fits: ', count, how));
  const best = Math.min(tokens, trainedContext);
  if (wantedContext < best || wantedContext > tokens) {
    line.append(button(`Use ${groupDigits(best)}`, () => onChange({ context: best })));
  }
  return line;
}

function remedies({ remedies: list }: FitAnswer, onChange: (change: Partial<Settings>) => void): HTMLElement[] {
  if (list.length === 0) return [];
  const buttons = list.map(({ label, change }) => button(label, () => onChange(change)));
  return [make('p', '', 'This context fits with:', ...buttons)];
}

function comparison({ computeOfGgml, computeOfAuto }: FitAnswer): HTMLElement {
  const ours = humanBytes(computeOfAuto);
  const text = `With tensor-arena’s allocator the compute buffer is ${ours}: ${compared(computeOfAuto, computeOfGgml)}`;
  return make('p', 'muted', `${text} llama.cpp’s ${humanBytes(computeOfGgml)}.`);
}
