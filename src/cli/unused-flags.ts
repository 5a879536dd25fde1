/**
 * Says so where flags of a machine were given without one.
 */
import { OFFLOAD_FLAGS } from './device-flags.js';
import { FIT_GOALS } from './fitting-flags.js';
import { printNote, type Terminal } from './terminal.js';

const KEYS = [...OFFLOAD_FLAGS, ...FIT_GOALS].map(({ key }) => key);

/** Prints one note, if any of these flags was given. */
export function noteWithoutGpu(flags: object, terminal: Terminal): void {
  if (!KEYS.some((key) => key in flags)) return;
  const example = '--gpu cuda:24GiB, with the memory that the device has';
  printNote(
    terminal,
    `no GPU was given, so what is said of layers and weights on devices has no effect: add ${example}`,
  );
}
