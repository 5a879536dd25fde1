/**
 * The base of all families of operations: a context that makes tensors, marks them, and applies operations.
 *
 * Invariant: a tensor that a context returns has passed its operation's shape rule; its bytes exist only if the context
 * is immediate.
 */
import { checkArgument, PlannerError, subject, type OptionNames } from '../../../errors.js';
import { elementType, type ElementTypeName } from '../../../tensor/element-type.js';
import { operandName, type Operation } from '../../../tensor/operation.js';
import { byteLength, contiguousStrides, sameShape, type Layout } from '../../../tensor/layout.js';
import { shape } from '../shape.js';
import {
  Origin,
  SELF,
  Tensor,
  writtenInto,
  type MemoryKind,
  type OperationParam,
  type OperationParams,
} from '../../../tensor/tensor.js';
import { checkType, typedArrayOf, type TensorData, type TypedArrayOf } from '../../../tensor/typed-array.js';
import type { ByteSource } from '../../../tensor/immediate-memory.js';
import { missingOperand, requireOperand } from '../operand-error.js';
import { checkDestination } from './destination.js';
import { Operands, type Sources } from '../operands.js';
import type { Row } from '../row.js';
import { checkSettings, flag, type Named } from './rules.js';

const NO_SETTINGS: OperationParams = {};

/** ggml keeps 63 characters of a name. */
const MAX_NAME_LENGTH = 63;

/** An option of operations for which ggml also has an in-place variant. */
export interface InPlaceOption {
  /** Whether the result is a view of the first operand and overwrites it. Default false: the planner decides. */
  readonly inPlace?: boolean;
}

const IN_PLACE_OPTION: OptionNames<InPlaceOption> = { inPlace: true };
const IN_PLACE: InPlaceOption = { inPlace: true };
const NOT_IN_PLACE: InPlaceOption = {};

/** For methods that have checked their own options: {@link Applier.apply} need not look again. */
export function inPlaceOf(op: Named, { inPlace = false }: InPlaceOption): InPlaceOption {
  return flag(op, 'inPlace', inPlace) ? IN_PLACE : NOT_IN_PLACE;
}

export abstract class Applier {
  /** Where the tensors of this context have their bytes. */
  readonly memory: MemoryKind;
  readonly #byteSource: ByteSource | null;
  readonly #origin = new Origin('ggml');

  /** @internal */
  protected constructor(memory: MemoryKind, byteSource: ByteSource | null) {
    this.memory = memory;
    this.#byteSource = byteSource;
  }

  /**
   * A new contiguous leaf.
   *
   * @param ne one to four element counts, innermost dimension first
   * @param name a label; need not be unique. Default: `leaf_N`, given when a graph takes the tensor in
   * @throws PlannerError `UNKNOWN_TYPE`, `BAD_SHAPE`, `BYTES_TOO_LARGE`, `BAD_ARGUMENT`
   */
  newTensor(type: ElementTypeName, ne: readonly number[], name = ''): Tensor {
    checkName(name);
    const culprit = name || 'tensor';
    const elements = elementType(type, culprit);
    const quad = shape(ne, culprit);
    const layout: Layout = { type: elements, shape: quad, strides: contiguousStrides(elements, quad, culprit) };
    return new Tensor({
      origin: this.#origin,
      name,
      type: elements,
      shape: quad,
      strides: layout.strides,
      memory: this.memory,
      bytes: this.#takeBytes(layout, name || 'unnamed leaf'),
    });
  }

  /** Gives a tensor a name of at most 63 characters, as ggml does, and returns it. */
  setName(tensor: Tensor, name: string): Tensor {
    checkTensor('setName', tensor);
    checkName(name);
    tensor.name = shortened(name);
    return tensor;
  }

  /** Marks a tensor whose contents the user sets before every run: its bytes exist before the first step. */
  setInput(tensor: Tensor): Tensor {
    checkTensor('setInput', tensor);
    tensor.origin.markInput(tensor);
    return tensor;
  }

  /**
   * Without `destination`: marks a result of the graph, which is never freed or overwritten.
   *
   * With `destination`: lets the result be written straight into that tensor (usually a view of an immediate tensor
   * such as a KV cache), so that no copy is needed and the result owns no bytes of the compute buffer. Returns another
   * tensor, a view of the destination with its strides, which stands for `tensor` from then on: a graph that still
   * contains `tensor` is refused.
   *
   * @throws PlannerError `BAD_OPERAND` if `tensor` is not computed, is a view, already has a destination, or differs
   * from the destination in type or shape
   */
  setOutput(tensor: Tensor, destination?: Tensor): Tensor {
    checkTensor('setOutput', tensor);
    if (destination === undefined) {
      tensor.origin.markOutput(tensor);
      return tensor;
    }
    checkTensor('setOutput', destination);
    checkDestination(tensor, destination);
    const written = writtenInto(tensor, destination);
    tensor.origin.replace(tensor, written);
    return written;
  }

  /**
   * The elements of an immediate tensor as a typed array over its own bytes: the graph reads the values that are
   * written there. f16, bf16 and quantised types appear as raw bits.
   *
   * @param type the element type that you expect, which makes the array's type known to the compiler. Default: any
   * @throws PlannerError `NOT_READABLE` for tensors of another type, without bytes of their own, or with strides
   */
  data<T extends ElementTypeName>(tensor: Tensor, type: T): TypedArrayOf<T>;
  data(tensor: Tensor): TensorData;
  data(tensor: Tensor, type?: ElementTypeName): TensorData {
    checkType(tensor, type);
    const { bytes } = tensor.root;
    if (bytes === null) {
      throw new PlannerError('NOT_READABLE', {
        message: `${subject(tensor.label)} has no bytes of its own, since it was made in a ${tensor.memory} context.`,
        culprit: tensor.label,
        value: `${tensor.memory} memory`,
        limit: 'immediate',
        remedy: 'Make the tensor in an immediate context, or read deferred tensors from the arena of a plan.',
      });
    }
    return typedArrayOf(tensor, bytes.buffer, bytes.byteOffset + tensor.viewOffset);
  }

  /**
   * Copies `values` into an immediate tensor of as many elements.
   *
   * @throws PlannerError `BAD_ARGUMENT`, `NOT_READABLE`
   */
  write(tensor: Tensor, values: ArrayLike<number> | ArrayLike<bigint>): Tensor {
    checkTensor('write', tensor);
    const data = this.data(tensor);
    const culprit = `values for ${tensor.label}`;
    const isList = typeof (values as unknown) === 'object' && (values as unknown) !== null;
    checkArgument(isList, culprit, values, 'a list', 'Give one value per element, innermost dimension first.');
    if (values.length !== data.length) {
      throw new PlannerError('BAD_ARGUMENT', {
        culprit,
        message: `There are ${values.length} ${culprit}, which has ${data.length} elements.`,
        value: `${values.length} elements`,
        limit: `${data.length} elements`,
        remedy: 'Give one value per element, innermost dimension first.',
      });
    }
    try {
      (data as { set(values: ArrayLike<number> | ArrayLike<bigint>): void }).set(values);
    } catch {
      const wanted = data instanceof BigInt64Array ? 'bigints' : 'numbers';
      throw new PlannerError('BAD_ARGUMENT', {
        message: `Not all ${culprit} are ${wanted}.`,
        culprit,
        value: `not all ${wanted}`,
        limit: wanted,
        remedy: `Elements of type ${tensor.type.name} are ${wanted} in JavaScript.`,
      });
    }
    return tensor;
  }

  /**
   * Applies an operation: checks the operands, works out the result's layout and makes the node.
   *
   * @internal
   * @throws PlannerError `BAD_OPERAND` and the errors of the operation's shape rule
   */
  protected apply<P extends OperationParams>(
    operation: Row<P>,
    sources: readonly (Tensor | null | typeof SELF)[],
    params: P = NO_SETTINGS as P,
    options: InPlaceOption = NOT_IN_PLACE,
  ): Tensor {
    if (options !== NOT_IN_PLACE && options !== IN_PLACE) checkSettings(options, IN_PLACE_OPTION, operation);
    const namesItself = operation.namesItself.length > 0 && sources.includes(SELF);
    const operands = namesItself ? sources.map((source) => (source === SELF ? null : source)) : (sources as Sources);
    for (let slot = 0; slot < operands.length; slot++) checkOperand(operation, operands[slot] ?? null, slot);
    const result = operation.result(new Operands(operation, operands), params);
    const nb = result.nb ?? contiguousStrides(result.type, result.ne, operation.name);
    if (inPlaceOf(operation, options) === IN_PLACE)
      return this.#inPlace(operation, operands, { type: result.type, shape: result.ne, strides: nb }, params);
    // Models apply thousands of operations per graph: one literal is many times faster than merging objects.
    const name = shortened(result.name ?? '');
    const ownsBytes = this.#byteSource !== null && result.view === undefined;
    return new Tensor({
      origin: this.#origin,
      name,
      operation,
      type: result.type,
      shape: result.ne,
      strides: nb,
      sources,
      params: definedOnly(params),
      memory: this.memory,
      view: result.view,
      bytes: ownsBytes
        ? this.#takeBytes({ type: result.type, shape: result.ne, strides: nb }, name || operation.name)
        : undefined,
      reuseRule: result.reuseRule,
    });
  }

  #inPlace(operation: Operation, sources: Sources, layout: Layout, params: OperationParams): Tensor {
    const target = sources[0] ?? null;
    requireOperand(
      target !== null && operation.overwrites.includes(0) && target.type === layout.type && sameShape(target, layout),
      operation.name,
      'in-place operand',
      target ?? 'missing',
      `of type ${layout.type.name} and shape [${layout.shape.join(', ')}], for an operation that can run in place`,
      'Leave the option inPlace out.',
    );
    const name = shortened(`${target.name} (view)`);
    return new Tensor({
      origin: this.#origin,
      name,
      operation,
      type: target.type,
      shape: target.shape,
      strides: target.strides,
      sources,
      params: definedOnly(params),
      memory: this.memory,
      view: { of: target, offset: 0 },
    });
  }

  /** The bytes of a new storage, where this context has bytes to give. */
  #takeBytes(layout: Layout, label: string): Uint8Array | undefined {
    return this.#byteSource?.take(byteLength(layout), label);
  }
}

function checkName(name: string): void {
  checkArgument(typeof name === 'string', 'name', name, 'a string', 'Give the label as text.');
}

/** What ggml keeps of a name. */
function shortened(name: string): string {
  return name.length > MAX_NAME_LENGTH ? name.slice(0, MAX_NAME_LENGTH) : name;
}

/** Throws `BAD_OPERAND` unless `tensor` is one. */
export function checkTensor(op: string, tensor: unknown, what = 'tensor'): void {
  if (!(tensor instanceof Tensor)) missingOperand(op, what, tensor);
}

/** Throws `BAD_OPERAND` unless there is a tensor or nothing in the slot. */
function checkOperand(operation: Operation, tensor: unknown, slot: number): void {
  if (tensor === null || tensor instanceof Tensor) return;
  missingOperand(operation.name, operandName(operation, slot), tensor);
}

/** The settings that have a value; others are not stored. */
function definedOnly(params: OperationParams): OperationParams {
  if (params === NO_SETTINGS) return params;
  const settings: Readonly<Record<string, OperationParam | undefined>> = params;
  for (const key in settings) {
    if (settings[key] !== undefined) continue;
    return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as OperationParams;
  }
  return params;
}
