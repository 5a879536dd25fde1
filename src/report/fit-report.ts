/**
 * What fits a memory budget, as text and as plain data.
 */
import { describeOutputs } from '../models/assumption.js';
import type { ContextFit, FitAttempt, FittingConfiguration } from '../models/fit-context.js';
import { configurationRow, formatConfigurations, type ConfigurationRow } from './configuration-table.js';
import { counted, exactBytes, groupDigits, type Style } from './format.js';

/**
 * The report as text, a newline after each line: the answer, the alternatives, and what was tried.
 *
 * @param room columns of the terminal; `null`: as many as the table takes
 */
export function formatFit(file: string, fit: ContextFit, style: Style, room: number | null): string {
  const lines = [headline(fit, style), ...assumption(fit), ...alternatives(fit), '', 'Tried:'];
  const shown = fit.tried.filter((_, i) => !isWithinRun(fit.tried.slice(Math.max(0, i - 1), i + 2)));
  const table = formatConfigurations(
    shown.map((attempt) => attemptRow(file, attempt)),
    style,
    room,
  );
  const hidden = fit.tried.length - shown.length;
  const note = `${counted(hidden, 'more size')} between neighbours that do not fit; none of them fits either\n`;
  return lines.map((line) => `${line}\n`).join('') + table + (hidden > 0 ? style.faint(note) : '');
}

/** Whether the middle one of three ubatches lies between two others that are next to it, and none of them fits. */
function isWithinRun(attempts: readonly FitAttempt[]): boolean {
  if (attempts.length < 3 || attempts.some(({ fits }) => fits)) return false;
  const [before, { run }, after] = attempts;
  const isNext = (other: FitAttempt): boolean =>
    other.run.contextSize === run.contextSize && Math.abs(other.run.ubatchSize - run.ubatchSize) <= 2;
  return isNext(before) && isNext(after);
}

function headline({ largest, unlimited, wantedContext, budget, proven, ...fit }: ContextFit, style: Style): string {
  const memory = exactBytes(budget);
  if (largest === null) {
    const answer = `does not fit: with the other options as given, no context fits in ${memory}.`;
    const { weights } = fit;
    return style.bad(answer) + (weights > budget ? ` The weights alone take ${exactBytes(weights)}.` : '');
  }
  if (unlimited) {
    const why = largest.isRecurrent ? '; its length makes no difference' : ', up to the longest that can be asked for';
    return `${style.good('any context fits')} in ${memory}${why}.`;
  }
  const { contextSize } = largest.run;
  const margin = `; ${exactBytes(budget - largest.total)} to spare`;
  const answer = `${style.good(`${groupDigits(contextSize)} tokens of context`)} fit in ${memory}${margin}.`;
  const { beyondTraining, trainedContext } = fit;
  const beyond = ` There is room for ${groupDigits(beyondTraining?.run.contextSize ?? 0)}, but the model was trained on ${groupDigits(trainedContext)}.`;
  const doubt = ' A larger one is unlikely to fit, but was not ruled out.';
  const misfit = contextSize < wantedContext ? ` The wanted ${groupDigits(wantedContext)} do not.` : '';
  return answer + misfit + (beyondTraining === null ? '' : beyond) + (proven ? '' : doubt);
}

/** What the figures take for granted; nothing where none was worked out. */
function assumption({ tried }: ContextFit): string[] {
  return tried.slice(0, 1).map(({ run }) => describeOutputs(run));
}

function alternatives({ largestUbatch, largestCache, largestByCache, wantedContext }: ContextFit): string[] {
  const wanted = `${groupDigits(wantedContext)} tokens`;
  const line = (found: FittingConfiguration | null, text: string, none: string): string =>
    found === null ? `${wanted} fit with ${none}.` : `${wanted} fit with ${text} (${exactBytes(found.total)}).`;
  const { ubatchSize = 0, keyType, valueType } = { ...largestUbatch?.run, ...typesOf(largestCache) };
  return [
    ...largestByCache.map(({ run, total }) => {
      return `${groupDigits(run.contextSize)} tokens fit with the cache as ${run.keyType.name}/${run.valueType.name} (${exactBytes(total)}).`;
    }),
    line(largestUbatch, `a ubatch of up to ${groupDigits(ubatchSize)}`, 'no ubatch'),
    line(largestCache, `cached keys as ${keyType} and values as ${valueType}`, 'no cache type'),
  ];
}

function typesOf(found: FittingConfiguration | null): { keyType: string; valueType: string } {
  return { keyType: found?.run.keyType.name ?? '', valueType: found?.run.valueType.name ?? '' };
}

function attemptRow(file: string, attempt: FitAttempt): ConfigurationRow {
  return { ...configurationRow(file, attempt), fits: attempt.fits };
}

/** The plain data that `--json` prints. */
export function fitJson(file: string, fit: ContextFit): object {
  const row = (attempt: FitAttempt): ConfigurationRow => attemptRow(file, attempt);
  const { largest, beyondTraining, largestUbatch, largestCache, largestByCache, tried, ...rest } = fit;
  const rowOrNull = (found: FittingConfiguration | null): ConfigurationRow | null =>
    found === null ? null : row(found);
  return {
    file,
    ...rest,
    contextSize: largest?.run.contextSize ?? null,
    assumption: assumption(fit)[0] ?? null,
    largest: rowOrNull(largest),
    beyondTraining: rowOrNull(beyondTraining),
    largestUbatch: rowOrNull(largestUbatch),
    largestCache: rowOrNull(largestCache),
    largestByCache: largestByCache.map(row),
    tried: tried.map(row),
  };
}
