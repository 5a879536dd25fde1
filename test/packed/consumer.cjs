/** A CommonJS module that uses the installed package: all that needs no other package, of `MODEL`; or `testing`. */
const [what] = process.argv.slice(2);
import('./exercise.mjs').then(({ exerciseAll, exerciseTesting }) =>
  what === 'testing' ? exerciseTesting(require) : exerciseAll(require, what),
);
