/**
 * One graph or model in detail: where the memory goes, and what fills the compute buffer at the worst moment.
 */
import type { ModelMeasurement } from '../models/measure-model.js';
import type { Plan } from '../plan/plan.js';
import type { Tensor } from '../tensor/tensor.js';
import { contextTitle } from './context-title.js';
import { counted, exactBytes, gapText, groupDigits, humanBytes, type Style } from './format.js';
import type { MeasuredFile } from './measured-file.js';
import { findPeak, type Peak } from './peak.js';
import { formatTable, printable, type Column } from './table.js';
import { bar } from './timeline.js';

/** How many tensors the report names. */
const LARGEST_COUNT = 10;

/** Columns of the bar of all memory together. */
const BAR_WIDTH = 30;

/** The report as text, a newline after each line. @param withBars whether to draw where the memory goes */
export function formatReport(measured: MeasuredFile, plan: Plan, style: Style, withBars = false): string {
  const lines = [
    style.strong(printable(measured.file)),
    ...(measured.model === undefined ? [] : [describeModel(measured.model)]),
    '',
    ...sizeLines(measured, style, withBars),
    '',
    ...describeBuffer(measured, style),
    '',
    ...peakLines(findPeak(plan), plan, style),
    ...hazardLines(plan, style),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function describeModel({ architecture, phase, run }: ModelMeasurement): string {
  const { contextSize, ubatchSize, sequences, flashAttention, keyType, valueType } = run;
  return [
    printable(architecture),
    `context ${contextSize}`,
    `ubatch ${ubatchSize}`,
    counted(sequences, 'sequence'),
    `flash attention ${flashAttention ? 'on' : 'off'}`,
    `cache ${keyType.name}/${valueType.name}`,
    phase === 'pp' ? 'prompt processing (pp)' : 'token generation (tg)',
  ].join(', ');
}

interface Size {
  readonly label: string;
  readonly bytes: number;
}

function sizeLines({ bufferSize, model }: MeasuredFile, style: Style, withBars: boolean): string[] {
  const sizes: Size[] =
    model === undefined
      ? [{ label: 'compute buffer', bytes: bufferSize }]
      : [
          { label: 'weights', bytes: model.weights },
          { label: contextTitle([model.isRecurrent]), bytes: model.context },
          { label: 'compute buffer', bytes: model.compute },
          { label: 'total', bytes: model.total },
        ];
  const columns: Column<Size>[] = [
    { title: 'memory', cell: ({ label }) => label },
    { title: 'size', cell: ({ bytes }) => humanBytes(bytes), align: 'right', paint: style.strong },
    { title: 'bytes', cell: ({ bytes }) => groupDigits(bytes), align: 'right' },
  ];
  const whole = sizes[sizes.length - 1].bytes;
  if (withBars && model !== undefined) {
    columns.push({ title: 'share', cell: ({ bytes }) => bar(bytes, whole, BAR_WIDTH), paint: style.good });
  }
  return formatTable(columns, sizes, style.faint);
}

function describeBuffer({ nodes = 0, model, inPlace = '', ...measured }: MeasuredFile, style: Style): string[] {
  const { bufferSize, lowerBound, allocator, buffers, chunks, optimal } = measured;
  const gap = gapText(bufferSize, lowerBound);
  const quality = optimal
    ? style.good('optimal: equal to its lower bound')
    : `${gap} above its lower bound of ${exactBytes(lowerBound)}`;
  const how = `${counted(nodes, 'node')}, ${counted(buffers, 'buffer')}, allocator ${allocator}, in-place ${inPlace}`;
  const lines = [`Compute buffer: ${how}.`, `${exactBytes(bufferSize)}, ${quality}.`];
  if (model?.phase === 'tg') lines[1] = `In this phase it needs ${lines[1]}`;
  if (model !== undefined) lines.push(withOurPlacement(model));
  if (chunks.length > 1) lines.push(`Chunks: ${chunks.map(groupDigits).join(', ')} bytes.`);
  return lines;
}

/** What the allocator `auto` would make of the buffer that llama.cpp reserves. */
function withOurPlacement({ compute, computeWithAuto }: ModelMeasurement): string {
  const saved = compute - computeWithAuto;
  const text = `With the allocator auto and in-place full the compute buffer is ${exactBytes(computeWithAuto)}`;
  if (saved === 0) return `${text}, which is as large.`;
  const percent = ((Math.abs(saved) / compute) * 100).toFixed(2);
  return `${text}, which is ${exactBytes(Math.abs(saved))} (${percent} %) ${saved > 0 ? 'less' : 'more'}.`;
}

function peakLines(peak: Peak, { graph, nodeCount }: Plan, style: Style): string[] {
  const { step, bytes, tensors } = peak;
  if (tensors.length === 0) return ['No tensor needs the compute buffer.'];
  const largest = tensors.slice(0, LARGEST_COUNT);
  const rest = tensors.length - largest.length;
  const where = `step ${step} of ${nodeCount}${nodeCount > 0 ? `, ${printable(graph.nodes[step].name)}` : ''}`;
  const whose =
    rest > 0 ? `The ${LARGEST_COUNT} largest of ${tensors.length} tensors` : counted(tensors.length, 'tensor');
  const tensorOf = ({ id }: { id: number }): Tensor => graph.tensors[id];
  const columns: Column<(typeof largest)[number]>[] = [
    { title: 'name', cell: ({ name }) => name },
    { title: 'op', cell: (row) => tensorOf(row).op },
    { title: 'type', cell: (row) => tensorOf(row).type.name },
    { title: 'shape', cell: (row) => shapeText(tensorOf(row)) },
    { title: 'bytes', cell: ({ size }) => groupDigits(size), align: 'right' },
    { title: 'size', cell: ({ size }) => humanBytes(size), align: 'right', paint: style.strong },
    { title: 'offset', cell: ({ offset }) => groupDigits(offset), align: 'right' },
    { title: 'live range', cell: ({ start, end }) => `[${start}, ${end})`, align: 'right' },
  ];
  return [
    `${whose} in the compute buffer at its peak (${where}: ${exactBytes(bytes)} live):`,
    ...formatTable(columns, largest, style.faint),
  ];
}

/** What an executor must not reorder; llama.cpp's graphs rely on that. */
function hazardLines({ hazards }: Plan, { faint }: Style): string[] {
  if (hazards.length === 0) return [];
  const { writer, other, otherRunsFirst } = hazards[0];
  const [first, second] = otherRunsFirst ? [other, writer] : [writer, other];
  const pairs = hazards.length === 1 ? '1 pair' : `${groupDigits(hazards.length)} pairs`;
  const example = printable(`${first.name} before ${second.name}`);
  return [
    '',
    faint(`Warning: ${pairs} of nodes touch the same bytes in an order that no source states, such as ${example}.`),
  ];
}

/** Lengths, innermost first, without trailing ones. */
function shapeText({ ne }: Tensor): string {
  const last = ne.findLastIndex((length) => length !== 1);
  return ne.slice(0, Math.max(1, last + 1)).join(' x ');
}
