/**
 * Models whose architecture nobody here can build: what every command does about them.
 */
import { nullIfThrown } from '../errors.js';
import type { Gguf } from '../gguf/types.js';
import { measureWeights } from '../models/weights.js';
import type { UnknownModel } from '../report/measured-file.js';
import { printable } from '../report/table.js';
import { printNote, type Terminal } from './terminal.js';

/** What `work` gives; null if the architecture is unknown. */
export function ifKnown<T>(work: () => T): T | null {
  return nullIfThrown('UNKNOWN_ARCHITECTURE', work);
}

/** The weights are exact whatever the architecture; of the rest nothing is known, and nothing is guessed. */
export function unknownModel(file: string, gguf: Gguf): UnknownModel {
  return { file, unknownArchitecture: gguf.metadata['general.architecture'] as string, weights: measureWeights(gguf) };
}

export function noteUnknown({ file, unknownArchitecture, reason }: UnknownModel, terminal: Terminal): void {
  if (reason !== undefined) {
    printNote(terminal, printable(`${file}: only the weights could be measured. ${reason}`));
    return;
  }
  const name = JSON.stringify(unknownArchitecture);
  printNote(terminal, printable(`${file}: the architecture ${name} is unknown, so only the weights could be measured`));
}
