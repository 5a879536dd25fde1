/**
 * The answer in words, in a bar and in numbers.
 */
import { counted, groupDigits, humanBytes } from 'tensor-arena/viewer';
import type { PlanAnswer } from '../messages.js';
import { memoryBytes, type Settings } from '../settings.js';
import { byId, make } from './elements.js';

interface Part {
  readonly className: string;
  readonly label: string;
  readonly bytes: number;
}

/** Shows what was planned against the chosen memory. */
export function showResults(plan: PlanAnswer, settings: Settings): void {
  const parts = partsOf(plan);
  const total = plan.model?.total ?? plan.bufferSize;
  const memory = memoryBytes(settings);
  showVerdict(total, memory);
  byId('facts').textContent = factsOf(plan).join(' · ');
  showBar(parts, total, memory);
  const rows = plan.model === null ? parts : [...parts, { className: 'total', label: 'Total', bytes: total }];
  byId('sizes')
    .querySelector('tbody')!
    .replaceChildren(...rows.map(rowOf));
}

function partsOf({ model, bufferSize }: PlanAnswer): Part[] {
  if (model === null) return [{ className: 'compute', label: 'Compute buffer', bytes: bufferSize }];
  return [
    { className: 'weights', label: 'Weights', bytes: model.weights },
    { className: 'context', label: model.isRecurrent ? 'State' : 'KV cache', bytes: model.context },
    { className: 'compute', label: 'Compute buffer', bytes: model.compute },
  ];
}

function showVerdict(total: number, memory: number): void {
  const verdict = byId('verdict');
  const fits = total <= memory;
  const spare = humanBytes(Math.abs(memory - total));
  verdict.textContent = fits
    ? `It fits: ${humanBytes(total)}, with ${spare} to spare.`
    : `It does not fit: ${humanBytes(total)}, ${spare} too much.`;
  verdict.classList.toggle('no', !fits);
}

function factsOf({ model, nodeCount, bufferCount, allocator, ...plan }: PlanAnswer): string[] {
  const gap = plan.lowerBound === 0 ? 0 : plan.bufferSize / plan.lowerBound - 1;
  return [
    ...(model === null ? [] : [model.architecture, `as llama.cpp build ${model.llamaCppBuild}`]),
    ...(nodeCount === null ? [] : [counted(nodeCount, 'operation')]),
    counted(bufferCount, 'buffer'),
    `allocator ${allocator}`,
    plan.optimal
      ? 'no smaller compute buffer is possible'
      : `compute buffer ${(Math.ceil(gap * 10_000) / 100).toFixed(2)} % above its lower bound`,
  ];
}

function showBar(parts: readonly Part[], total: number, memory: number): void {
  const whole = Math.max(total, memory, 1);
  const bar = byId('bar');
  const percent = (bytes: number): string => `${(bytes / whole) * 100}%`;
  const limit = make('div', 'limit', make('span', '', `${humanBytes(memory)} of memory`));
  limit.classList.toggle('left', memory < whole / 2);
  limit.style.left = percent(memory);
  bar.replaceChildren(
    ...parts.map(({ className, bytes }) => {
      const part = make('div', `part ${className}`);
      part.style.width = percent(bytes);
      return part;
    }),
    limit,
  );
  const spoken = parts.map(({ label, bytes }) => `${label} ${humanBytes(bytes)}`).join(', ');
  bar.setAttribute('aria-label', `${spoken}, of ${humanBytes(memory)}`);
}

function rowOf({ className, label, bytes }: Part): HTMLElement {
  const header = make('th', '', make('span', `swatch ${className}`), label) as HTMLTableCellElement;
  header.scope = 'row';
  const row = make('tr', '', header, make('td', '', humanBytes(bytes)), make('td', '', groupDigits(bytes)));
  row.classList.toggle('total', className === 'total');
  return row;
}
