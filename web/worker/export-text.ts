/**
 * What was planned as the text of a file.
 */
import { createProblem, formatPlacementCsv, type CsvProblem, type Placement, type Plan } from 'tensor-arena';
import { renderMap, type MemoryMap } from 'tensor-arena/map';
import type { MachineMeasurement, ResolvedModelOptions } from 'tensor-arena/models';
import type { ExportFormat } from '../messages.js';
import { mapOf, type Planned } from './plan-input.js';

export function exportText(format: ExportFormat, planned: Planned, title: string): string {
  switch (format) {
    case 'svg':
      return renderMap(mapOf(planned), { title });
    case 'json':
      return `${JSON.stringify(document(planned), null, 2)}\n`;
    case 'csv':
      if (planned.kind === 'problem') return formatPlacementCsv(planned.csv, planned.placement.offsets);
      return placementCsv(mapOf(planned));
  }
}

/** The plan in the format of `tensor-arena plan`; for a model, with its sizes. */
function document(planned: Planned): object {
  switch (planned.kind) {
    case 'model': {
      const { architecture, phase, weights, context, compute, total, computeWithAuto, run } = planned.model;
      const sizes = { architecture, phase, weights, context, compute, total, computeWithAuto };
      return { ...sizes, run: plainRun(run), ...planned.plan.toJSON() };
    }
    case 'machine':
      return machineDocument(planned.machine, planned.plan);
    case 'graph': {
      const dims = planned.network?.dims.map(({ name, length }) => [name, length] as const) ?? [];
      return { ...(dims.length > 0 && { dims: Object.fromEntries(dims) }), ...planned.plan.toJSON() };
    }
    case 'problem':
      return problemPlan(planned.csv, planned.placement, mapOf(planned));
  }
}

/** What every device takes, and the plan of the prompt on all of them. */
function machineDocument(machine: MachineMeasurement, plan: Plan): object {
  const { architecture, weights, context, compute, output, total, splits, nodes, copies, layers } = machine;
  return {
    architecture,
    ...{ weights, context, compute, output, total },
    devices: machine.devices,
    buffers: machine.buffers.map(({ device, type, purpose, bytes }) => ({ device, type: type.name, purpose, bytes })),
    ...{ splits, nodes, copies, layers },
    run: plainRun(machine.run),
    ...plan.toJSON(),
  };
}

function plainRun({ keyType, valueType, ...rest }: ResolvedModelOptions): object {
  return { ...rest, keyType: keyType.name, valueType: valueType.name };
}

function problemPlan({ problem, ids, lowers, uppers }: CsvProblem, placement: Placement, map: MemoryMap): object {
  const { allocator, bufferSize, lowerBound, chunks } = map;
  const alignment = problem.alignments.reduce((a, b) => Math.max(a, b), 1);
  const tensors = ids.map((name, id) => ({
    id,
    name,
    chunk: placement.chunkOf[id],
    offset: placement.offsets[id],
    size: problem.sizes[id],
    start: lowers[id],
    end: uppers[id],
  }));
  return { allocator, alignment, bufferSize, lowerBound, optimal: bufferSize === lowerBound, chunks, tensors };
}

/**
 * One row a storage. A tensor that overwrites another starts where that one ends, and chunks are stacked as in the map, so
 * that no two rows collide.
 */
function placementCsv({ boxes, chunks }: MemoryMap): string {
  let end = 0;
  const bases = chunks.map((size) => (end += size) - size);
  const placed = boxes.filter(({ start, end }) => end > start);
  const csv: Omit<CsvProblem, 'steps'> = {
    problem: createProblem(placed.map(({ size, start, end }) => ({ size, start, end }))),
    ids: uniqueNames(placed.map(({ name }) => name)),
    lowers: Float64Array.from(placed, ({ start }) => start),
    uppers: Float64Array.from(placed, ({ end }) => end),
  };
  return formatPlacementCsv(
    csv,
    placed.map(({ chunk, offset }) => bases[chunk] + offset),
  );
}

/** Names that a field of CSV can hold, each once. */
function uniqueNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name, index) => {
    const plain = name.replace(/[",\r\n]/g, '_') || `tensor ${index}`;
    let unique = plain;
    for (let count = 2; taken.has(unique); count++) unique = `${plain} #${count}`;
    taken.add(unique);
    return unique;
  });
}
