/** An ES module that uses the installed package: all that needs no other package, of `MODEL`; or `testing`. */
import { exerciseAll, exerciseTesting } from './exercise.mjs';

const load = (name) => import(name);
const [what] = process.argv.slice(2);
await (what === 'testing' ? exerciseTesting(load) : exerciseAll(load, what));
