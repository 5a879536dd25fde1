/**
 * What WebGPU itself would say to buffers, dispatches and copies, by the rules of its specification.
 *
 * Invariant: shares no code with what makes bindings. It looks at numbers alone, never at tensors.
 */
import { checkArgument } from '../errors.js';
import { resolveLimits, WEBGPU_STEP, type WebGpuBufferLimits } from '../runtime/webgpu-limits.js';
import type { Tensor } from '../tensor/tensor.js';

/**
 * The rules, in this order:
 *
 * - `buffer-size`: a buffer has at most `maxBufferSize` bytes.
 * - `binding-size`: a binding says its size, a multiple of 4 above 0, of at most `maxStorageBufferBindingSize` bytes, and
 *   ends within its buffer.
 * - `binding-offset`: the offset of a binding is a multiple of `minStorageBufferOffsetAlignment`.
 * - `binding-count`: a dispatch has at most `maxStorageBuffersPerShaderStage` bindings.
 * - `mixed-access`: a dispatch binds each buffer only for reading, or only for reading and writing.
 * - `aliasing`: no bytes that a dispatch may write are bound twice in it.
 * - `wrong-place`: a tensor is where the plan has put it: at the residual from the start of its binding, and within it.
 * - `copy-within-buffer`: a copy has two buffers.
 * - `transfer-size`: offsets and sizes of uploads, read-backs and copies are multiples of 4, and lie within their buffers.
 * - `wrong-access`: what a dispatch writes is bound for writing.
 * - `wrong-dispatch`: every node that computes is in one dispatch, in the order of the graph; several are in one only if the
 *   runtime computes them at once.
 */
export type WebGpuRule =
  | 'buffer-size'
  | 'binding-size'
  | 'binding-offset'
  | 'binding-count'
  | 'mixed-access'
  | 'aliasing'
  | 'wrong-place'
  | 'copy-within-buffer'
  | 'transfer-size'
  | 'wrong-access'
  | 'wrong-dispatch';

/** One broken rule. */
export interface WebGpuViolation {
  readonly rule: WebGpuRule;
  /** The node whose dispatch breaks it, of several the last; null where it is no dispatch of a graph. */
  readonly node: Tensor | null;
  /** Index of the command; null for a buffer, and for a node without a dispatch. */
  readonly command: number | null;
  /** One line with the rule, what breaks it, and the numbers. */
  readonly message: string;
}

/** What a dispatch binds: a range of a buffer. */
export interface BoundRange {
  /** What stands for the buffer. */
  readonly buffer: unknown;
  /** Bytes. */
  readonly offset: number;
  /** Bytes. Left out, the binding would run to the end of the buffer, which breaks a rule here. */
  readonly size?: number;
  readonly access: 'read' | 'read-write';
}

/** A place in a buffer. */
export interface BufferPlace {
  /** What stands for the buffer. */
  readonly buffer: unknown;
  /** Bytes. */
  readonly offset: number;
}

/** Something that a page asks of WebGPU. Sizes in bytes. */
export type WebGpuCommand =
  | { readonly kind: 'dispatch'; readonly bindings: readonly BoundRange[] }
  | { readonly kind: 'copy'; readonly source: BufferPlace; readonly target: BufferPlace; readonly size: number }
  | ({ readonly kind: 'upload' | 'read-back'; readonly size: number } & BufferPlace);

/** Adds a violation. */
type Report = (rule: WebGpuRule, what: string) => void;

/**
 * Every rule that buffers and commands break, in order. O(bindings · log bindings).
 *
 * @param buffers bytes of each buffer, by what stands for it in the commands; of a buffer that is not in the list no end is known
 * @param limits of the device. Default: what every WebGPU device guarantees
 * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`
 * @example
 * ```ts
 * import { verifyWebGpuCommands, type BoundRange } from 'tensor-arena/webgpu';
 * const read: BoundRange = { buffer: 'arena', offset: 0, size: 256, access: 'read' };
 * const written: BoundRange = { buffer: 'arena', offset: 256, size: 256, access: 'read-write' };
 * const buffers = new Map([['arena', 512]]);
 * const [violation] = verifyWebGpuCommands([{ kind: 'dispatch', bindings: [read, written] }], buffers);
 * console.log(violation?.rule); // mixed-access
 * ```
 */
export function verifyWebGpuCommands(
  commands: readonly WebGpuCommand[],
  buffers: ReadonlyMap<unknown, number> = new Map(),
  limits?: Partial<WebGpuBufferLimits>,
): WebGpuViolation[] {
  const resolved = resolveLimits(limits);
  checkBuffers(buffers);
  checkCommands(commands);
  const violations: WebGpuViolation[] = [];
  buffersAbove(buffers, resolved, (rule, what) => {
    violations.push({ rule, node: null, command: null, message: `${rule}: ${what}` });
  });
  commands.forEach((command, index) => {
    const report: Report = (rule, what) => {
      violations.push({ rule, node: null, command: index, message: `${rule}: command ${index}, ${what}` });
    };
    if (command.kind === 'dispatch') checkBindings(command.bindings, buffers, resolved, report);
    else checkTransfer(command, buffers, report);
  });
  return violations;
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkBuffers(buffers: ReadonlyMap<unknown, number>): void {
  checkArgument(buffers instanceof Map, 'buffers', buffers, 'a Map from buffers to bytes', 'Leave it out for none.');
}

/** @throws PlannerError `BAD_ARGUMENT` unless these are commands; of what they say, nothing is trusted */
export function checkCommands(commands: readonly WebGpuCommand[]): void {
  const isList: boolean = Array.isArray(commands);
  checkArgument(isList, 'commands', commands, 'a list of commands', 'Give [] for none.');
  commands.forEach((command, index) => {
    const { kind, bindings, source, target } = Object(command) as Partial<Record<string, unknown>>;
    const isCommand =
      kind === 'dispatch'
        ? areObjects(bindings)
        : kind === 'copy'
          ? areObjects([source, target])
          : kind === 'upload' || kind === 'read-back';
    const limit = 'a dispatch with bindings, a copy with source and target, an upload or a read-back';
    checkArgument(isCommand, `commands[${index}]`, command, limit, 'Give { kind, … } as WebGpuCommand has it.');
  });
}

/** Whether `list` is a list of objects. */
export function areObjects(list: unknown): boolean {
  return Array.isArray(list) && list.every((each) => typeof each === 'object' && each !== null);
}

/** Reports buffers that a device does not make. */
export function buffersAbove(
  buffers: ReadonlyMap<unknown, number>,
  { maxBufferSize }: WebGpuBufferLimits,
  report: Report,
): void {
  let index = 0;
  for (const size of buffers.values()) {
    const isLegal = isCount(size) && size <= maxBufferSize;
    if (!isLegal) report('buffer-size', `buffer ${index} has ${size} bytes, but a buffer may have ${maxBufferSize}`);
    index++;
  }
}

/** Reports what is wrong with the bindings of one dispatch. */
export function checkBindings(
  bindings: readonly BoundRange[],
  buffers: ReadonlyMap<unknown, number>,
  limits: WebGpuBufferLimits,
  report: Report,
): void {
  const { maxStorageBuffersPerShaderStage: most } = limits;
  bindings.forEach((binding, index) => {
    checkRange(binding, buffers.get(binding.buffer) ?? Infinity, limits, (rule, what) => {
      report(rule, `binding ${index} ${what}`);
    });
  });
  if (bindings.length > most) report('binding-count', `${bindings.length} bindings, but a dispatch may have ${most}`);
  const byBuffer = new Map<unknown, number[]>();
  bindings.forEach(({ buffer }, index) => {
    const others = byBuffer.get(buffer);
    if (others === undefined) byBuffer.set(buffer, [index]);
    else others.push(index);
  });
  for (const indices of byBuffer.values()) checkTogether(bindings, indices, report);
}

function checkRange(binding: BoundRange, end: number, limits: WebGpuBufferLimits, report: Report): void {
  const { offset, size, access } = binding;
  const { maxStorageBufferBindingSize: largest, minStorageBufferOffsetAlignment: alignment } = limits;
  if (access !== 'read' && access !== 'read-write') report('wrong-access', `is bound for ${String(access)}`);
  if (size === undefined) report('binding-size', 'has no size');
  else if (!isCount(size) || size === 0 || size % WEBGPU_STEP !== 0) {
    report('binding-size', `has ${size} bytes, which is no multiple of ${WEBGPU_STEP} above 0`);
  } else if (size > largest) report('binding-size', `has ${size} bytes, but a binding may have ${largest}`);
  else if (offset + size > end) report('binding-size', `ends at byte ${offset + size}, but its buffer at ${end}`);
  if (isCount(offset) && offset % alignment === 0) return;
  report('binding-offset', `starts at byte ${offset}, which is no multiple of ${alignment}`);
}

/** Reports what bindings of one buffer in one dispatch do to each other. */
function checkTogether(bindings: readonly BoundRange[], indices: readonly number[], report: Report): void {
  const isWritten = (index: number): boolean => bindings[index].access === 'read-write';
  const endOf = (index: number): number => bindings[index].offset + (bindings[index].size ?? Infinity);
  const writer = indices.find(isWritten);
  if (writer === undefined) return;
  const reader = indices.find((index) => !isWritten(index));
  if (reader !== undefined) report('mixed-access', `binding ${reader} reads the buffer that binding ${writer} writes`);
  const sorted = indices.toSorted((a, b) => bindings[a].offset - bindings[b].offset);
  let furthest = sorted[0];
  for (const index of sorted.slice(1)) {
    if (bindings[index].offset < endOf(furthest) && (isWritten(index) || isWritten(furthest))) {
      const until = Math.min(endOf(index), endOf(furthest));
      const where = `bytes [${bindings[index].offset}, ${until}) of their buffer`;
      report('aliasing', `bindings ${furthest} and ${index} share ${where}, and may write there`);
    }
    if (endOf(index) > endOf(furthest)) furthest = index;
  }
}

/** Reports what is wrong with a command that moves bytes. */
export function checkTransfer(
  command: Exclude<WebGpuCommand, { readonly kind: 'dispatch' }>,
  buffers: ReadonlyMap<unknown, number>,
  report: Report,
): void {
  const places = command.kind === 'copy' ? [command.source, command.target] : [command];
  if (command.kind === 'copy' && command.source.buffer === command.target.buffer) {
    report('copy-within-buffer', `copy from byte ${command.source.offset} to ${command.target.offset} of one buffer`);
  }
  const { kind, size } = command;
  for (const { buffer, offset } of places) {
    const isStepped = [offset, size].every((bytes) => isCount(bytes) && bytes % WEBGPU_STEP === 0);
    const end = buffers.get(buffer) ?? Infinity;
    const where = `${kind} of ${size} bytes from byte ${offset} on`;
    if (!isStepped) report('transfer-size', `${where}, which are no multiples of ${WEBGPU_STEP}`);
    else if (offset + size > end) report('transfer-size', `${where}, but the buffer ends at ${end}`);
  }
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;
