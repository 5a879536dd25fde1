/**
 * Writing a result to the file that `-o` names.
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CliError, systemError } from './cli-error.js';

/** @throws CliError if the output would overwrite the input */
export function checkOutput(output: string | undefined, input: string): void {
  if (output !== undefined && resolve(output) === resolve(input))
    throw new CliError(`-o ${output}: is the input itself`);
}

/** @throws CliError if it cannot be written */
export function writeOutput(output: string, text: string): void {
  try {
    writeFileSync(output, text);
  } catch (error) {
    throw new CliError(`-o ${output}: cannot be written: ${systemError(error) ?? (error as Error).message}`);
  }
}
