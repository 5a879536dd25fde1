/**
 * Writing a result to the file that `-o` names.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { CliError, systemError } from './cli-error.js';
import { isCompressed } from './input-kinds.js';

/** @throws CliError if the output would overwrite the input */
export function checkOutput(output: string | undefined, input: string): void {
  if (output !== undefined && resolve(output) === resolve(input))
    throw new CliError(`-o ${output}: is the input itself`);
}

/** Compresses the content if the name ends in `.gz`, as such a file is read. @throws CliError if it cannot be written */
export function writeOutput(output: string, content: string | Uint8Array): void {
  try {
    writeFileSync(output, isCompressed(output) ? gzipSync(content) : content);
  } catch (error) {
    throw new CliError(`-o ${output}: cannot be written: ${systemError(error) ?? (error as Error).message}`);
  }
}
