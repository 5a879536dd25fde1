/**
 * `tensor-arena fit FILE --memory SIZE`: which context fits?
 */
import { fitContext } from '../models/fit-context.js';
import { fitJson, formatFit } from '../report/fit-report.js';
import { EXIT, type ExitCode } from './exit-code.js';
import { inFile } from './failure.js';
import type { FitFlags } from './fit-flags.js';
import { modelOptionsOf } from './flags.js';
import { readModelFile } from './inputs.js';
import { withProgress } from './progress.js';
import type { Terminal } from './terminal.js';

/** Prints the largest context that fits, alternatives, and what was tried. The answer is no if none of it fits. */
export async function fit(file: string, flags: FitFlags, terminal: Terminal): Promise<ExitCode> {
  const found = await withProgress(terminal, [file], 2, (announce) =>
    inFile(file, async () => {
      announce(`reading ${file}`);
      const gguf = await readModelFile(file);
      announce(`fitting ${file}`);
      return fitContext(gguf, flags.memory, modelOptionsOf(flags));
    }),
  );
  const isJson = flags.json === true;
  terminal.write(
    isJson
      ? `${JSON.stringify(fitJson(file, found), null, 2)}\n`
      : formatFit(file, found, terminal.style, terminal.columns),
  );
  return found.fits ? EXIT.done : EXIT.no;
}
