/**
 * What fits a memory budget, as text and as plain data.
 */
import { describeOutputs } from '../models/assumption.js';
import type { ContextFit, FitAttempt, FittingConfiguration } from '../models/fit-context.js';
import { BACKEND, BACKEND_NOTE } from './model-words.js';
import { configurationLayout, configurationRow, type ConfigurationRow } from './configuration-table.js';
import { counted, exactBytes, groupDigits } from '../format.js';
import type { Style } from './style.js';

/** The memory that there is. Bytes. */
export interface Budget {
  readonly memory: number;
  /** What of it is kept free; the rest is the budget. */
  readonly reserve: number;
}

/**
 * The report as text, a newline after each line: whether the wanted context fits, what else would, and what each of these takes.
 *
 * @param room columns of the terminal; `null`: as many as the table takes
 */
export function formatFit(file: string, fit: ContextFit, given: Budget, style: Style, room: number | null): string {
  const { weights } = fit;
  if (weights > fit.budget) return `${tooHeavy(weights, given, style)}\n`;
  const shown = answers(fit);
  const rows = shown.map((attempt) => attemptRow(file, attempt));
  const { titles, line } = configurationLayout(rows, style, room);
  const others = fit.tried.length - shown.length;
  return [
    headline(fit, given, style),
    ...alternatives(fit),
    ...assumption(fit),
    '',
    titles,
    ...rows.map(line),
    '',
    ...(others > 0 ? [style.faint(`${counted(others, 'more configuration')} were tried; --json lists all.`)] : []),
    style.faint(BACKEND_NOTE),
    '',
  ].join('\n');
}

/** The configurations that the report speaks of: the wanted one first, then by what they offer, each once. */
function answers(fit: ContextFit): FitAttempt[] {
  const { tried, largest, beyondTraining, largestUbatch, largestCache, largestByCache } = fit;
  const found = [tried[0], largest, beyondTraining, largestUbatch, largestCache, ...largestByCache].filter(
    (attempt) => attempt !== null,
  );
  return found.filter((attempt, index) => found.findIndex(({ run }) => isSameRun(run, attempt.run)) === index);
}

function isSameRun(a: FitAttempt['run'], b: FitAttempt['run']): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The same for a model of which only the weights are known, and leave room. */
export function formatFitOfWeights(weights: number, given: Budget): string {
  return `The weights take ${exactBytes(weights)} ${withinText(given)}; how much KV cache and compute buffer take is not known.\n`;
}

function tooHeavy(weights: number, given: Budget, style: Style): string {
  return `${style.bad('The model does not fit')} ${withinText(given)}: its weights alone take ${exactBytes(weights)}.`;
}

function withinText({ memory, reserve }: Budget): string {
  return `in ${exactBytes(memory)}${reserve > 0 ? ` less ${exactBytes(reserve)} in reserve` : ''}`;
}

function headline(fit: ContextFit, given: Budget, style: Style): string {
  const { largest, beyondTraining, isUnlimited, wantedContext, trainedContext, budget, isProven, tried } = fit;
  const [wanted] = tried;
  const within = withinText(given);
  const tokens = groupDigits(wantedContext);
  if (isUnlimited) {
    const why =
      largest?.isRecurrent === true ? '; its length makes no difference' : ', up to the longest that can be asked for';
    return `${style.good('Any context fits')} ${within}${why}.`;
  }
  const doubt = isProven ? '' : ' A larger one is unlikely to fit, but was not ruled out.';
  if (!wanted.fits) {
    const answer = style.bad(`${tokens} tokens of context do not fit ${within}`);
    const rest =
      largest === null
        ? 'nor does any other context'
        : `the longest context that fits is ${groupDigits(largest.run.contextSize)}`;
    return `${answer}; with the other options as given, ${rest}.${doubt}`;
  }
  const spare = exactBytes(budget - (wanted.total ?? 0));
  const answer = `${style.good(`${tokens} tokens of context fit`)} ${within}, with ${spare} to spare.`;
  const longest = (beyondTraining ?? largest)?.run.contextSize ?? 0;
  if (longest <= wantedContext) return answer;
  const beyond = longest > trainedContext ? `; the model was trained on ${groupDigits(trainedContext)}` : '';
  return `${answer} The longest context that fits is ${groupDigits(longest)}${beyond}.${doubt}`;
}

/** What the figures take for granted. */
function assumption({ tried }: ContextFit): string[] {
  return tried.slice(0, 1).map(({ run }) => describeOutputs(run));
}

/** What would make the wanted context fit, or what it leaves room for. */
function alternatives(fit: ContextFit): string[] {
  const { tried, largestUbatch, largestCache, wantedContext } = fit;
  const [wanted] = tried;
  const tokens = `${groupDigits(wantedContext)} tokens`;
  const ubatch = groupDigits(largestUbatch?.run.ubatchSize ?? 0);
  if (wanted.fits) {
    const isLarger = largestUbatch !== null && largestUbatch.run.ubatchSize > wanted.run.ubatchSize;
    return isLarger ? [`With ${tokens}, the ubatch may be up to ${ubatch}.`] : [];
  }
  return [
    largestUbatch === null
      ? `No ubatch is small enough for ${tokens} to fit.`
      : `With a ubatch of up to ${ubatch}, ${tokens} do fit.`,
    ...(largestCache === null && !wanted.isRecurrent ? [`No cache type is small enough for ${tokens} to fit.`] : []),
    ...[...longestByTypes(fit)].map(([types, length]) => `With ${types}, up to ${groupDigits(length)} tokens fit.`),
  ];
}

/** Tokens by the flags of smaller cache types: the best types for the wanted context, and others where they allow more. */
function longestByTypes({ largestCache, largestByCache, wantedContext }: ContextFit): Map<string, number> {
  const others = largestByCache.filter(({ run }) => run.contextSize !== wantedContext);
  return new Map(
    [...(largestCache === null ? [] : [largestCache]), ...others].map(({ run }) => [
      `-ctk ${run.keyType.name} -ctv ${run.valueType.name}`,
      run.contextSize,
    ]),
  );
}

function attemptRow(file: string, attempt: FitAttempt): ConfigurationRow {
  return { ...configurationRow(file, attempt), fits: attempt.fits };
}

/** The plain data that `--json` prints. */
export function fitJson(file: string, fit: ContextFit, { memory, reserve }: Budget): object {
  const row = (attempt: FitAttempt): ConfigurationRow => attemptRow(file, attempt);
  const {
    largest,
    beyondTraining,
    largestUbatch,
    largestCache,
    largestByCache,
    tried,
    isUnlimited,
    isProven,
    ...rest
  } = fit;
  const rowOrNull = (found: FittingConfiguration | null): ConfigurationRow | null =>
    found === null ? null : row(found);
  return {
    file,
    backend: BACKEND,
    memory,
    reserve,
    ...rest,
    unlimited: isUnlimited,
    proven: isProven,
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
