/** `npm run bench`: every benchmark, one after the other. */
import { benchMeasure } from './measure.js';

benchMeasure();
