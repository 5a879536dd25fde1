/**
 * The ways to run a model that fit a machine, as text and as plain data.
 */
import { counted, groupDigits, humanBytes } from '../format.js';
import { describeOutputs } from '../models/assumption.js';
import type { FitPoint, ModelFit } from '../models/fit/fit-model.js';
import type { MemoryUse } from '../models/fit/trial.js';
import { describeRun } from './model-words.js';
import { deviceJson, NOT_COUNTED } from './machine-report.js';
import { shellCommand } from '../models/fit/shell-command.js';
import type { Style } from './style.js';
import { formatTable, printable, type Column } from './table.js';

/** The report as text, a newline after each line. @param room columns of the terminal; null if it is none */
export function formatModelFit(file: string, fit: ModelFit, style: Style, room: number | null = null): string {
  const { points } = fit;
  const lines =
    points.length === 0
      ? [
          `${style.bad('Nothing fits:')} no way to run ${printable(file)} leaves ${targetsText(fit.targets)} free.`,
          REMEDY,
        ]
      : [
          style.strong(printable(file)),
          headline(fit),
          describeRun({ isRecurrent: fit.isRecurrent, run: points[0].run }),
          '',
          ...formatTable(columnsOf(fit, style), points, style.faint, room ?? undefined),
          '',
          ...points.flatMap((point, index) => [style.faint(`#${index + 1}`), shellCommand(point.command)]),
          '',
          style.faint(NOT_COUNTED),
        ];
  return lines.map((line) => `${line}\n`).join('');
}

const REMEDY =
  'Try a smaller cache (--cache-types q4_0), a shorter context (--fit-ctx 1024), a smaller batch (-ub 128) or less kept free (--fit-target 256).';

function headline({ points, targets }: ModelFit): string {
  const free = `${targetsText(targets)} free`;
  if (points.length === 1) return `One way to run it fits, and leaves ${free}.`;
  return `${points.length} ways to run it fit, and leave ${free}; none is better than another in everything.`;
}

function targetsText(targets: readonly number[]): string {
  const [first, ...others] = targets.map(humanBytes);
  if (others.length === 0) return `${first} of the device`;
  if (others.every((target) => target === first)) return `${first} of each device`;
  return `${[first, ...others].join(', ')} of the devices`;
}

function columnsOf({ layerCount, points }: ModelFit, style: Style): Column<FitPoint>[] {
  const [{ devices }] = points;
  return [
    { title: '#', cell: (point) => String(points.indexOf(point) + 1), align: 'right' },
    {
      title: 'layers',
      cell: ({ gpuLayers }) => (gpuLayers === layerCount ? `all ${layerCount}` : `${gpuLayers} of ${layerCount}`),
      align: 'right',
    },
    {
      title: 'host experts',
      cell: ({ hostExperts }) => (hostExperts === 0 ? '' : counted(hostExperts, 'layer')),
      align: 'right',
    },
    { title: 'context', cell: ({ ctxSize }) => groupDigits(ctxSize), align: 'right', paint: style.strong },
    { title: 'cache', cell: cacheText },
    { title: 'ubatch', cell: ({ ubatchSize }) => groupDigits(ubatchSize), align: 'right', spare: 2 },
    ...devices.flatMap(({ name }, gpu): Column<FitPoint>[] => [
      { title: name, cell: (point) => humanBytes(point.devices[gpu].used), align: 'right', spare: 1 },
      {
        title: `${name} free`,
        cell: (point) => humanBytes(leftOf(point.devices[gpu])),
        align: 'right',
        paint: style.good,
      },
    ]),
    { title: 'CPU', cell: ({ host }) => humanBytes(host.used), align: 'right', spare: 3 },
  ];
}

function cacheText({ cacheTypeK, cacheTypeV }: FitPoint): string {
  return cacheTypeK === cacheTypeV ? cacheTypeK : `${cacheTypeK}/${cacheTypeV}`;
}

function leftOf({ freeBytes, used }: MemoryUse): number {
  return freeBytes - used;
}

/** The plain data that `--json` prints. Sizes in bytes. */
export function modelFitJson(file: string, { layerCount, targets, points, measured }: ModelFit): object {
  return {
    file,
    fits: points.length > 0,
    layers: layerCount,
    assumption: points.length === 0 ? null : describeOutputs(points[0].run),
    targets,
    measured,
    points: points.map((point) => {
      const { gpuLayers, hostExperts, ctxSize, cacheTypeK, cacheTypeV, ubatchSize, devices, host, run, command } =
        point;
      return {
        ...{ gpuLayers, hostExperts, contextSize: ctxSize, cacheTypeK, cacheTypeV, ubatchSize },
        flashAttention: run.flashAttention,
        devices: [...devices, host].map(({ used: total, ...device }) => deviceJson({ ...device, total })),
        command: shellCommand(command),
        words: command,
      };
    }),
  };
}
