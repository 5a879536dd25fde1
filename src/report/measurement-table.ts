/**
 * Several measurements as a table, one row a file.
 */
import { describeOutputs } from '../models/assumption.js';
import { BACKEND_NOTE, contextTitle, describeAssumptions } from './model-words.js';
import { gapText, groupDigits, humanBytes } from '../format.js';
import type { Style } from './style.js';
import type { MeasuredFile, UnknownModel } from './measured-file.js';
import { formatTable, type Column } from './table.js';

type Row = MeasuredFile | UnknownModel;

/** The table as text, a newline after each line. @param room columns of the terminal; null if it is none */
export function formatMeasurements(files: readonly Row[], style: Style, room: number | null = null): string {
  const known =
    (cell: (file: MeasuredFile) => string, otherwise = '') =>
    (row: Row): string =>
      'unknownArchitecture' in row ? otherwise : cell(row);
  const ofModel = (part: 'context' | 'compute' | 'total' | 'computeWithAuto'): ((row: Row) => string) =>
    known(({ model }) => (model === undefined ? '' : humanBytes(model[part])), 'unknown');
  const columns: Column<Row>[] = [
    { title: 'file', cell: ({ file }) => file, isName: true },
    {
      title: 'nodes',
      cell: known(({ nodes }) => (nodes === undefined ? '' : groupDigits(nodes))),
      align: 'right',
      spare: 4,
    },
    {
      title: 'buffers',
      cell: known(({ nodes, buffers }) => (nodes === undefined ? groupDigits(buffers) : '')),
      align: 'right',
      spare: 5,
    },
    {
      title: 'buffer',
      cell: known(({ bufferSize }) => humanBytes(bufferSize), 'unknown'),
      align: 'right',
      paint: style.strong,
    },
    { title: 'bytes', cell: known(({ bufferSize }) => groupDigits(bufferSize)), align: 'right', spare: 2 },
    { title: 'chunks', cell: known(({ chunks }) => (chunks.length > 1 ? String(chunks.length) : '')), align: 'right' },
    { title: 'lower bound', cell: known(({ lowerBound }) => groupDigits(lowerBound)), align: 'right', spare: 1 },
    {
      title: 'gap',
      cell: known(({ bufferSize, lowerBound }) => gapText(bufferSize, lowerBound)),
      align: 'right',
      spare: 8,
      paint: (text, row) => ('optimal' in row && row.optimal ? style.good(text) : text),
    },
    { title: 'allocator', cell: known(({ allocator }) => allocator), spare: 3 },
    { title: 'weights', cell: weightsText, align: 'right' },
    { title: contextTitle(files.map(isRecurrent)), cell: ofModel('context'), align: 'right' },
    { title: 'compute', cell: ofModel('compute'), align: 'right', spare: 7 },
    { title: 'total', cell: ofModel('total'), align: 'right', paint: style.strong },
    { title: 'compute with auto', cell: ofModel('computeWithAuto'), align: 'right', spare: 6 },
  ];
  const lines = formatTable(columns, files, style.faint, room ?? undefined);
  const hasModel = files.some((file) => 'unknownArchitecture' in file || file.model !== undefined);
  const assumed = files.flatMap((file) =>
    'model' in file && file.model !== undefined ? [describeOutputs(file.model.run)] : [],
  );
  const notes = [...describeAssumptions(assumed), ...(hasModel ? [BACKEND_NOTE] : [])];
  return [...lines, ...notes.map((note) => style.faint(note))].map((line) => `${line}\n`).join('');
}

/** Null where there is no model that is known. */
function isRecurrent(row: Row): boolean | null {
  return 'unknownArchitecture' in row ? null : (row.model?.isRecurrent ?? null);
}

function weightsText(row: Row): string {
  if ('unknownArchitecture' in row) return humanBytes(row.weights);
  const bytes = row.model?.weights ?? row.weights?.reduce((sum, each) => sum + each.bytes, 0);
  return bytes === undefined ? '' : humanBytes(bytes);
}
