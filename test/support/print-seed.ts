/** Prints the seed of the property tests once per run. */
import { propertySeed } from './seed.js';

export default function printSeed(): void {
  console.log(`fast-check seed ${propertySeed()} (set FC_SEED to explore others)`);
}
