/**
 * The answer in words, in a bar and in numbers.
 */
import { counted, groupDigits, humanBytes } from 'tensor-arena/viewer';
import type { PlanAnswer, UnknownModel } from '../messages.js';
import { memoryBytes, type Settings } from '../settings.js';
import { byId, make } from './elements.js';

/** A row of the table, and where it has a bar of its own, a part of that. */
export interface Part {
  readonly className: string;
  readonly label: string;
  /** Null if it is unknown. */
  readonly bytes: number | null;
}

/** Shows what was planned against the chosen memory. */
export function showResults(plan: PlanAnswer, settings: Settings): void {
  const { model, network, bufferSize } = plan;
  const memory = memoryBytes(settings);
  if (network !== null) {
    const total = network.weights + bufferSize;
    const parts = [
      part('weights', 'Weights', network.weights),
      part('compute', 'Compute buffer', bufferSize),
      part('total', 'Total', total),
    ];
    show(fitVerdict('', total, memory), factsOf(plan), parts, memory);
    return;
  }
  if (model === null) {
    show(fitVerdict('', bufferSize, memory), factsOf(plan), [part('compute', 'Compute buffer', bufferSize)], memory);
    return;
  }
  const parts = [
    part('weights', 'Weights', model.weights),
    part('context', model.isRecurrent ? 'State' : 'KV cache', model.context),
    part('compute', 'Compute buffer', model.compute),
    part('total', 'Total', model.total),
  ];
  const context = model.isRecurrent ? '' : ` with ${groupDigits(model.contextSize)} tokens of context`;
  show(fitVerdict(context, model.total, memory), factsOf(plan), parts, memory);
}

/** Shows what is known of a model that cannot be planned: its weights, exactly. */
export function showUnknown({ reason, weights, tensorCount }: UnknownModel, settings: Settings): void {
  const memory = memoryBytes(settings);
  const parts = [
    part('weights', 'Weights', weights),
    part('context', 'KV cache', null),
    part('compute', 'Compute buffer', null),
    part('total', 'Total', null),
  ];
  const facts = [`${reason.replace(/\.$/, '')}, so only the weights could be measured`, counted(tensorCount, 'tensor')];
  const need = `the weights alone need ${humanBytes(weights)}`;
  const verdict: Verdict =
    weights > memory
      ? { text: `It does not fit: ${need}, ${humanBytes(weights - memory)} too much.`, fits: false }
      : { text: `It may fit: ${need}, which leaves ${humanBytes(memory - weights)} for the rest.`, fits: true };
  show(verdict, facts, parts, memory);
}

/** The answer in one sentence. */
export interface Verdict {
  readonly text: string;
  readonly fits: boolean;
}

function part(className: string, label: string, bytes: number | null): Part {
  return { className, label, bytes };
}

function show(verdict: Verdict, facts: readonly string[], parts: readonly Part[], memory: number): void {
  showVerdict(verdict, facts);
  showBar(parts, memory);
  showNumbers(parts);
}

export function showVerdict({ text, fits }: Verdict, facts: readonly string[]): void {
  const verdict = byId('verdict');
  verdict.textContent = text;
  verdict.classList.toggle('no', !fits);
  byId('facts').textContent = facts.join(' · ');
}

/** Sizes to the byte, as a table. */
export function showNumbers(parts: readonly Part[]): void {
  byId('sizes')
    .querySelector('tbody')!
    .replaceChildren(...parts.map(rowOf));
}

function fitVerdict(how: string, total: number, memory: number): Verdict {
  const spare = humanBytes(Math.abs(memory - total));
  return total <= memory
    ? { text: `It fits${how}: ${humanBytes(total)}, ${spare} to spare.`, fits: true }
    : { text: `It does not fit${how}: ${humanBytes(total)}, ${spare} too much.`, fits: false };
}

function factsOf({ model, network, nodeCount, bufferCount, allocator, ...plan }: PlanAnswer): string[] {
  const gap = plan.lowerBound === 0 ? 0 : plan.bufferSize / plan.lowerBound - 1;
  return [
    ...(model === null ? [] : [model.architecture, `as llama.cpp build ${model.llamaCppBuild} on its CPU backend`]),
    ...(network === null ? [] : [`${network.format} network`]),
    ...(nodeCount === null ? [] : [counted(nodeCount, 'operation')]),
    counted(bufferCount, 'buffer'),
    `allocator ${allocator}`,
    plan.isOptimal
      ? 'no smaller compute buffer is possible'
      : `compute buffer ${(Math.ceil(gap * 10_000) / 100).toFixed(2)} % above its lower bound`,
  ];
}

function showBar(all: readonly Part[], memory: number): void {
  const parts = all.filter(({ className }) => className !== 'total');
  const known = parts.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);
  const whole = Math.max(known, memory, 1);
  const bar = byId('bar');
  const percent = (bytes: number): string => `${(bytes / whole) * 100}%`;
  const limit = make('div', 'limit', make('span', '', `${humanBytes(memory)} of memory`));
  limit.classList.toggle('left', memory < whole / 2);
  limit.style.left = percent(memory);
  const filled = parts.map(({ className, bytes }) => {
    const element = make('div', `part ${className}`);
    element.style.width = percent(bytes ?? 0);
    return element;
  });
  bar.replaceChildren(...filled.filter((_, index) => parts[index].bytes !== null), limit);
  const spoken = parts.map(({ label, bytes }) => `${label} ${sizeText(bytes)}`).join(', ');
  bar.setAttribute('aria-label', `${spoken}, of ${humanBytes(memory)}`);
}

function rowOf({ className, label, bytes }: Part): HTMLElement {
  const header = make('th', '', make('span', `swatch ${className}`), label) as HTMLTableCellElement;
  header.scope = 'row';
  const exact = make('td', '', bytes === null ? '' : groupDigits(bytes));
  const row = make('tr', '', header, make('td', '', sizeText(bytes)), exact);
  row.classList.toggle('total', className === 'total');
  return row;
}

function sizeText(bytes: number | null): string {
  return bytes === null ? 'unknown' : humanBytes(bytes);
}
