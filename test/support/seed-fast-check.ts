/** Gives every property test of this file the run's seed. */
import fc from 'fast-check';
import { propertySeed } from './seed.js';

fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: propertySeed() });
