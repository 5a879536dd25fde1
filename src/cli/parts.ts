/**
 * What a command loads and keeps beside a model: adapters, a draft model, a projector, a server's copies of prompts.
 */
import type { Device } from '../device/device.js';
import type { Gguf } from '../gguf/types.js';
import { draftOptions, mtpOptions } from '../models/draft.js';
import { measureModel } from '../models/measure-model.js';
import type { MachineMeasurement, MachineOptions } from '../models/measure-on-devices.js';
import type { LoraAdapter } from '../models/offload/adapters.js';
import { PROGRAMS } from '../models/programs.js';
import { measureProjector } from '../models/projector.js';
import type { MachinePart, ServerCopies } from '../report/machine-report.js';
import { CliError } from './cli-error.js';
import { inFile } from './failure.js';
import { readModelFile } from './inputs.js';
import { DRAFT_DFLASH, DRAFT_DSPARK, DRAFT_MTP, DRAFT_TOKENS, SNAPSHOT_TYPES, type PartFlags } from './part-flags.js';

/** The headers of the files that the flags name. */
export interface PartFiles {
  readonly adapters: readonly LoraAdapter[];
  readonly draft: Gguf | null;
  readonly projector: Gguf | null;
}

/** @throws CliError, PlannerError */
export async function readParts({ lora = [], draftModel, projector }: PartFlags): Promise<PartFiles> {
  const read = (file: string): Promise<Gguf> => inFile(file, () => readModelFile(file));
  const adapters: LoraAdapter[] = [];
  for (const { file, scale } of lora) adapters.push({ gguf: await read(file), scale });
  return {
    adapters,
    draft: draftModel === undefined ? null : await read(draftModel),
    projector: projector === undefined ? null : await read(projector),
  };
}

/** The devices of these names, in this order, and the CPU. @throws CliError for other names, as llama.cpp does */
export function chosenDevices(all: readonly Device[], names: readonly string[] | undefined): readonly Device[] {
  if (names === undefined) return all;
  const cpu = all.filter(({ bufferType }) => bufferType.isHost);
  if (names.length === 1 && names[0] === 'none') return cpu;
  const chosen = names.map((name) => {
    const device = all.find((each) => each.name === name && !each.bufferType.isHost);
    if (device !== undefined) return device;
    const known = all.filter((each) => !cpu.includes(each)).map((each) => each.name);
    throw new CliError(`invalid device: ${name} is none of ${[...known, 'none'].join(', ')}, which --gpu names`);
  });
  return [...chosen, ...cpu];
}

/**
 * @param all every device of the machine: a draft and a projector take any, whatever the model takes
 * @param target the model itself
 */
export function measureParts(
  all: readonly Device[],
  options: MachineOptions,
  machine: MachineMeasurement,
  target: Gguf,
  { draft, projector }: PartFiles,
  flags: PartFlags,
): readonly MachinePart[] {
  const parts: MachinePart[] = [];
  const isMtp = draftsByMtp(flags, draft);
  const { draftGpuLayers: gpuLayers, draftCacheTypeK: cacheTypeK, draftCacheTypeV: cacheTypeV } = flags;
  if (draft === null && isMtp) {
    const { buffers } = measureModel(target, mtpOptions(options, machine, { cacheTypeK, cacheTypeV }));
    // The weights are those of the model.
    parts.push({ name: 'mtp', buffers: buffers.filter(({ purpose }) => purpose !== 'weights') });
  }
  if (draft !== null) {
    const devices = chosenDevices(all, flags.draftDevice);
    const contextType = isMtp ? 'mtp' : 'default';
    const own = {
      devices,
      gpuLayers,
      cacheTypeK,
      cacheTypeV,
      overrideTensors: flags.draftOverrides,
      contextType,
    } as const;
    const { buffers } = measureModel(draft, { ...draftOptions(options, machine, own), target });
    parts.push({ name: 'draft', buffers });
  }
  if (projector !== null) {
    const isOnCpu = flags.projectorOffload === false;
    const names = flags.projectorDevice ?? (isOnCpu ? ['none'] : undefined);
    const { flashAttention } = options;
    const { buffers, notes } = measureProjector(projector, { devices: chosenDevices(all, names), flashAttention });
    parts.push({ name: 'projector', buffers, notes });
  }
  return parts;
}

/** Whether layers draft that predict further tokens. */
export function draftsByMtp(flags: PartFlags, draft: Gguf | null): boolean {
  return draftTypes(flags, draft).includes(DRAFT_MTP);
}

/** The snapshots of states that the model keeps because of its drafts; undefined where these need none. */
export function snapshotsForDrafts(flags: PartFlags, draft: Gguf | null): number | undefined {
  const isKept = draftTypes(flags, draft).some((type) => SNAPSHOT_TYPES.includes(type));
  return isKept ? (flags.draftLength ?? DRAFT_TOKENS) : undefined;
}

/** What drafts tokens. Where nothing is said, llama.cpp finds it in the draft model, by the last layer of most. */
function draftTypes({ specTypes }: PartFlags, draft: Gguf | null): readonly string[] {
  if (specTypes !== undefined) return specTypes;
  if (draft === null) return [];
  const has = (tensor: string): boolean => draft.tensors.some(({ name }) => name === tensor);
  const architecture = String(draft.metadata['general.architecture']);
  if (architecture === 'dflash') return [has('markov_w1.weight') ? DRAFT_DSPARK : DRAFT_DFLASH];
  const layers = Number(draft.metadata[`${architecture}.block_count`]);
  return has(`blk.${layers - 1}.nextn.eh_proj.weight`) ? [DRAFT_MTP] : [];
}

const MIB = 2 ** 20;
const CACHE_RAM = 8192;
const CHECKPOINTS = 32;

/** What a server may copy to host memory while it runs; null for programs that are none. */
export function serverCopies(
  { run, checkpoint }: MachineMeasurement,
  { cacheRam = CACHE_RAM, ctxCheckpoints = CHECKPOINTS }: PartFlags,
): ServerCopies | null {
  if (!PROGRAMS[run.program].isServing) return null;
  return {
    promptCache: cacheRam < 0 ? null : cacheRam * MIB,
    checkpoint,
    checkpoints: checkpoint * ctxCheckpoints * run.sequences,
  };
}
