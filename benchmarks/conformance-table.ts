/**
 * The table of `docs/conformance.md`: one row for each architecture that llama.cpp's recordings are of.
 */

/** What comparing the recordings of one architecture found. */
export interface ArchitectureResult {
  readonly architecture: string;
  /** Headers that graphs were recorded of. */
  readonly models: number;
  readonly recordings: number;
  /** Recordings whose graph, offsets or sizes differ; null: the library does not build the architecture. */
  readonly differing: number | null;
  /** The first difference; empty if there is none. */
  readonly difference: string;
}

const START = '<!-- written by npm run conformance -->';
const END = '<!-- end -->';

function verdict({ recordings, differing }: ArchitectureResult): string {
  if (differing === null) return 'unsupported';
  return differing === 0 ? 'equal' : `**different** in ${differing} of ${recordings}`;
}

function row(result: ArchitectureResult): string {
  const { architecture, models, recordings, difference } = result;
  return `| ${architecture} | ${models} | ${recordings} | ${verdict(result)} | ${difference.replaceAll('|', '\\|')} |`;
}

/** The table, below a sentence that sums it up. @param release of llama.cpp, as a person names it */
export function conformanceTable(results: readonly ArchitectureResult[], release: string): string {
  const count = (isCounted: (result: ArchitectureResult) => boolean): number => results.filter(isCounted).length;
  const compared = results.filter(({ differing }) => differing !== null);
  const recordings = compared.reduce((sum, result) => sum + result.recordings, 0);
  const [equal, different, unsupported] = [
    count(({ differing }) => differing === 0),
    count(({ differing }) => differing !== null && differing > 0),
    count(({ differing }) => differing === null),
  ];
  return [
    `${recordings} recordings of ${release}: ${equal} architectures equal, ${different} different, ${unsupported} unsupported.`,
    '',
    '| architecture | models | recordings | result | first difference |',
    '| --- | --- | --- | --- | --- |',
    ...results.map(row),
  ].join('\n');
}

/** `document` with another table between its two marks. @throws Error if it has no such marks */
export function withTable(document: string, table: string): string {
  const [start, end] = [document.indexOf(START), document.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`The document needs a line ${START} and below it a line ${END}.`);
  return `${document.slice(0, start + START.length)}\n\n${table}\n\n${document.slice(end)}`;
}
