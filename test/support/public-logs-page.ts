/** The tables of `docs/public-logs.md`, as lines of Markdown. */
import { PROGRAMS } from '../../src/models/programs.js';
import { PUBLIC_LOGS } from './public-logs.js';

const row = (...cells: readonly (string | number)[]): string => `| ${cells.join(' | ')} |`;

/** One row for each log: what ran where. */
export function logRows(): string[] {
  return PUBLIC_LOGS.map(({ source, build, machine, model, flags, program, note }, index) => {
    const options = `${PROGRAMS[program].title}: \`${flags}\`${note === undefined ? '' : `. ${note}`}`;
    return row(index + 1, source, build, machine, model, options);
  });
}

/** One row for each figure of each log. */
export function figureRows(): string[] {
  return PUBLIC_LOGS.flatMap(({ figures }, index) =>
    Object.entries(figures).map(([name, figure]) => {
      if (typeof figure === 'string') return row(index + 1, name, figure, figure, 'equal');
      const [log, ours, reason] = figure;
      return row(index + 1, name, log, ours, reason);
    }),
  );
}
