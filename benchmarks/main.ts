/** `npm run bench`: measuring graphs, placement problems and huge placement problems, one after the other. */
import { benchLarge } from './large.js';
import { benchMeasure } from './measure.js';
import { benchSolver } from './solver.js';

benchMeasure();
console.log();
benchSolver();
console.log();
benchLarge();
