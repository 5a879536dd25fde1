/**
 * One graph, model or problem in detail: where the memory goes, and what fills the compute buffer at the worst moment.
 */
import type { Hazard } from '../liveness/hazards.js';
import type { ModelMeasurement } from '../models/measure-model.js';
import { BACKEND_NOTE, contextTitle, describeModel, describeRun } from './model-words.js';
import { counted, exactBytes, FIXED_GIVEN, gapText, groupDigits, humanBytes, IN_PLACE_GIVEN } from '../format.js';
import type { Style } from './style.js';
import type { MeasuredFamily, MeasuredFile, RuntimePlan, UnknownModel } from './measured-file.js';
import type { Occupant, Peak } from './peak.js';
import { formatTable, printable, type Column } from './table.js';
import { bar } from './timeline.js';

/** How many tensors the report names. */
const LARGEST_COUNT = 10;

const PHASES = { pp: 'prompt processing (pp)', tg: 'token generation (tg)' };

/** Columns of the bar of all memory together: at most, at least, and what else is in its table. */
const MOST_BAR = 30;
const LEAST_BAR = 8;
const BESIDE_BAR = 48;
/** How many pairs of nodes the report lists. */
const MOST_HAZARDS = 100;

/**
 * The report as text, a newline after each line.
 *
 * @param room columns of the terminal, which also shows as bars where the memory goes; null if it is none
 */
export function formatReport(measured: MeasuredFile, peak: Peak, style: Style, room: number | null = null): string {
  return textOf([
    style.strong(printable(measured.file)),
    ...(measured.model === undefined
      ? []
      : [`${describeModel(measured.model)}, ${PHASES[measured.model.phase]}`, describeRun(measured.model)]),
    '',
    ...sizeLines(sizesOf(measured), style, room),
    '',
    ...describeBuffer(measured, style),
    '',
    ...peakLines(peak, measured.nodes === undefined, style, room),
    ...(measured.hazards === undefined ? [] : hazardLines(measured.hazards, style, room)),
  ]);
}

/** The same for a model of which only the weights are known. */
export function formatUnknown({ file, unknownArchitecture, reason, weights }: UnknownModel, style: Style): string {
  return textOf([
    style.strong(printable(file)),
    printable(reason ?? `${unknownArchitecture}, an unknown architecture: only its weights could be measured`),
    '',
    ...sizeLines([{ label: 'weights', bytes: weights }, ...unknownSizes(unknownArchitecture)], style, null),
  ]);
}

/** Only a model of some architecture has a cache. */
function unknownSizes(architecture: string | null): readonly Size[] {
  const labels = [...(architecture === null ? [] : ['KV cache']), 'compute buffer', 'total'];
  return labels.map((label) => ({ label, bytes: null }));
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

interface Size {
  readonly label: string;
  /** Null if it is unknown. */
  readonly bytes: number | null;
}

function sizesOf({ bufferSize, nodes, model, weights = [] }: MeasuredFile): Size[] {
  if (model === undefined) {
    const buffer = { label: nodes === undefined ? 'buffer' : 'compute buffer', bytes: bufferSize };
    if (weights.length === 0) return [buffer];
    const total = weights.reduce((sum, { bytes }) => sum + bytes, bufferSize);
    const rows = weights.map(({ type, bytes }) => ({ label: `weights, ${type}`, bytes }));
    return [...rows, buffer, { label: 'total', bytes: total }];
  }
  return [
    { label: 'weights', bytes: model.weights },
    { label: contextTitle([model.isRecurrent]), bytes: model.context },
    { label: 'compute buffer', bytes: model.compute },
    { label: 'total', bytes: model.total },
  ];
}

function sizeLines(sizes: readonly Size[], style: Style, room: number | null): string[] {
  const columns: Column<Size>[] = [
    { title: 'memory', cell: ({ label }) => label },
    {
      title: 'size',
      cell: ({ bytes }) => (bytes === null ? 'unknown' : humanBytes(bytes)),
      align: 'right',
      paint: style.strong,
    },
    { title: 'bytes', cell: ({ bytes }) => (bytes === null ? '' : groupDigits(bytes)), align: 'right', spare: 1 },
  ];
  const whole = sizes[sizes.length - 1].bytes ?? 0;
  if (room !== null && sizes.length > 1) {
    const width = Math.max(LEAST_BAR, Math.min(MOST_BAR, room - BESIDE_BAR));
    columns.push({ title: 'share', cell: ({ bytes }) => bar(bytes ?? 0, whole, width), paint: style.good, spare: 2 });
  }
  return formatTable(columns, sizes, style.faint, room ?? undefined);
}

function describeBuffer({ nodes, model, inPlace, runtimes = [], ...measured }: MeasuredFile, style: Style): string[] {
  const { bufferSize, lowerBound, allocator, buffers, chunks, optimal, hasFixedOffsets } = measured;
  const gap = gapText(bufferSize, lowerBound);
  const given = nodes !== undefined ? IN_PLACE_GIVEN : hasFixedOffsets === true ? FIXED_GIVEN : '';
  const quality = optimal
    ? `${style.good('optimal')}${given}: equal to its lower bound`
    : `${gap} above its lower bound of ${exactBytes(lowerBound)}`;
  const how = [
    ...(nodes === undefined ? [] : [counted(nodes, 'node')]),
    ...[counted(buffers, 'buffer'), `allocator ${allocator}`],
    ...(inPlace === undefined ? [] : [`in-place ${inPlace}`]),
  ].join(', ');
  const lines = [nodes === undefined ? `${how}.` : `Compute buffer: ${how}.`, `${exactBytes(bufferSize)}, ${quality}.`];
  if (model?.phase === 'tg') lines[1] = `In this phase it needs ${lines[1]}`;
  if (model !== undefined) lines.push(withOurPlacement(model), style.faint(BACKEND_NOTE));
  lines.push(...runtimes.map(ownPlan));
  if (measured.family !== undefined) lines.push(...familyLines(measured.family, bufferSize));
  if (chunks.length > 1) lines.push(`Chunks: ${chunks.map(groupDigits).join(', ')} bytes.`);
  return lines;
}

/** What one plan for all lengths costs beside a plan for each. */
function familyLines({ box, corners }: MeasuredFamily, whole: number): string[] {
  const ranges = Object.entries(box).map(([name, [least, most]]) => `${name} ${least} to ${most}`);
  const own = corners.map(({ dims, bufferSize }) => {
    const lengths = Object.entries(dims).map(([name, length]) => `${name} ${length}`);
    return `  ${lengths.join(', ')}: ${exactBytes(bufferSize)} by a plan of its own`;
  });
  return [`One plan for ${ranges.join(', ')}: ${exactBytes(whole)}.`, ...own].map(printable);
}

/** What the runtime would take by itself. */
function ownPlan({ runtime, bufferSize }: RuntimePlan): string {
  return `${runtime} by its own planner: ${exactBytes(bufferSize)}.`;
}

/** What the allocator `auto` would make of the buffer that llama.cpp reserves. */
function withOurPlacement({ compute, computeWithAuto }: ModelMeasurement): string {
  const saved = compute - computeWithAuto;
  const text = `With the allocator auto and in-place full the compute buffer is ${exactBytes(computeWithAuto)}`;
  if (saved === 0) return `${text}, which is as large.`;
  const percent = ((Math.abs(saved) / compute) * 100).toFixed(2);
  return `${text}, ${percent} % ${saved > 0 ? 'less' : 'more'}.`;
}

function peakLines({ where, bytes, occupants }: Peak, isProblem: boolean, style: Style, room: number | null): string[] {
  const [noun, place] = isProblem ? ['buffer', 'memory at the peak'] : ['tensor', 'the compute buffer at its peak'];
  const count = occupants.length;
  if (count === 0) return [isProblem ? 'There is no buffer.' : 'No tensor needs the compute buffer.'];
  const largest = occupants.slice(0, LARGEST_COUNT);
  const whose =
    count > LARGEST_COUNT ? `The ${LARGEST_COUNT} largest of ${counted(count, noun)}` : counted(count, noun);
  const columns: Column<Occupant>[] = [
    { title: 'name', cell: ({ name }) => name, isName: true },
    { title: 'op', cell: ({ op }) => op, spare: 4 },
    { title: 'type', cell: ({ type }) => type, spare: 3 },
    { title: 'shape', cell: ({ shape }) => shape, spare: 5 },
    { title: 'bytes', cell: ({ size }) => groupDigits(size), align: 'right', spare: 1 },
    { title: 'size', cell: ({ size }) => humanBytes(size), align: 'right', paint: style.strong },
    { title: 'offset', cell: ({ offset }) => groupDigits(offset), align: 'right', spare: 2 },
    { title: 'live range', cell: ({ start, end }) => `[${start}, ${end})`, align: 'right', spare: 6 },
  ];
  return [
    `${whose} in ${place} (${printable(where)}: ${exactBytes(bytes)} live):`,
    ...formatTable(columns, largest, style.faint, room ?? undefined),
  ];
}

/** What an executor must not reorder; llama.cpp's graphs rely on that. */
function hazardLines(hazards: readonly Hazard[], style: Style, room: number | null): string[] {
  const count = hazards.length;
  if (count === 0) return ['', style.faint('No two nodes touch the same bytes in an order that no source states.')];
  const [pairs, touch] = count === 1 ? ['1 pair', 'touches'] : [`${groupDigits(count)} pairs`, 'touch'];
  const columns: Column<Hazard>[] = [
    {
      title: 'first',
      cell: ({ writer, other, otherRunsFirst }) => (otherRunsFirst ? other : writer).name,
      isName: true,
    },
    {
      title: 'then',
      cell: ({ writer, other, otherRunsFirst }) => (otherRunsFirst ? writer : other).name,
      isName: true,
    },
    { title: 'bytes of', cell: ({ tensor }) => tensor.name, isName: true, spare: 1 },
  ];
  const listed = hazards.slice(0, MOST_HAZARDS);
  const rest = count - listed.length;
  return [
    '',
    `${pairs} of nodes ${touch} the same bytes in an order that no source states, and an executor has to keep:`,
    ...formatTable(columns, listed, style.faint, room ?? undefined),
    ...(rest > 0 ? [style.faint(`${groupDigits(rest)} more; --json lists all.`)] : []),
  ];
}
