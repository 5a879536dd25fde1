/**
 * `tensor-arena fit FILE --memory SIZE`: which context fits?
 */
import { fitContext } from '../models/fit-context.js';
import { fitJson, formatFit, formatFitOfWeights, type Budget } from '../report/fit-report.js';
import type { UnknownModel } from '../report/measured-file.js';
import { EXIT, type ExitCode } from './cli-error.js';
import { inFile } from './failure.js';
import { budgetOf, type FitFlags } from './fit-flags.js';
import { modelOptionsOf } from './flags.js';
import { readModelFile } from './inputs.js';
import { withProgress } from './progress.js';
import type { Terminal } from './terminal.js';
import { ifKnown, noteUnknown, unknownModel } from './unknown-model.js';

/** Prints whether the wanted context fits, and what else would. The answer is about `--ctx-size` if it was given, else about any context. */
export async function fit(file: string, flags: FitFlags, terminal: Terminal): Promise<ExitCode> {
  const { memory, reserve, json: isJson = false } = flags;
  const budget = budgetOf(memory, reserve);
  const gguf = await withProgress(terminal, [file], 1, (announce) => {
    announce(`reading ${file}`);
    return inFile(file, () => readModelFile(file));
  });
  const found = await inFile(file, () =>
    ifKnown(() => fitContext(gguf, memory - budget.reserve, modelOptionsOf(flags))),
  );
  if (found === null) return fitUnknown(unknownModel(file, gguf), budget, isJson, terminal);
  const fits = flags.ctxSize === undefined ? found.fits : (found.tried.at(0)?.fits ?? false);
  terminal.write(
    isJson
      ? `${JSON.stringify(fitJson(file, { ...found, fits }, budget), null, 2)}\n`
      : formatFit(file, found, budget, terminal.style, terminal.columns),
  );
  return fits ? EXIT.done : EXIT.no;
}

/** Of an unknown architecture whose weights leave room, nothing else is known. */
function fitUnknown(model: UnknownModel, budget: Budget, isJson: boolean, terminal: Terminal): ExitCode {
  const { file, weights } = model;
  noteUnknown(model, terminal);
  const json = { file, ...budget, fits: null, weights };
  terminal.write(isJson ? `${JSON.stringify(json, null, 2)}\n` : formatFitOfWeights(weights, budget));
  return EXIT.unknown;
}
