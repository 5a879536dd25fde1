/**
 * Operations that the library does not know: the caller declares their operands, their results, and the operands that
 * they may overwrite.
 *
 * Invariant: an operation overwrites only operands that the caller declares, and none under ggml's rules. One node
 * writes one storage: several results are views of that storage, as in ggml's own operations (`ssm_scan` and others).
 */
import { checkArgument, checkOptions, PlannerError, shown, type OptionNames } from '../../errors.js';
import { ELEMENT_TYPES, elementType, type ElementTypeName } from '../../tensor/element-type.js';
import { operandName } from '../../tensor/operation.js';
import { byteLength, contiguousStrides, type Layout, type Dims4 } from '../../tensor/layout.js';
import { shape } from './shape.js';
import type { OperationParams, OperationParam, Tensor } from '../../tensor/tensor.js';
import { alignUp, checkAlignment, checkBytes } from '../../units.js';
import type { Result, Row } from './row.js';
import { missingOperand } from './operand-error.js';
import type { Operands, Sources } from './operands.js';
import { isOperationName } from './operations.js';
import { Applier } from './ops/applier.js';
import { CUSTOM } from './ops/custom.js';
import { checkSettings, listOf, requireArgument, type Named } from './ops/rules.js';
import { VIEW } from './ops/views.js';

/** ggml has ten slots, of which a custom operation takes nine. */
const MAX_SOURCES = 9;

/** The name and the settings of one of the caller's own operations. */
interface CustomCall {
  /** Name in `tensor.op`; it must not be the name of an operation that the library knows. Default `CUSTOM`. */
  readonly op?: string;
  /** Settings for the code that runs the operation; graph files hold them, too. Default: none. */
  readonly params?: OperationParams;
  /** A label. Default: given when a graph adds the tensor. */
  readonly name?: string;
}

/** Options of a custom operation: its result, and the operands that it may overwrite. */
export interface CustomOptions extends CustomCall {
  /** Element type of the result. */
  readonly type: ElementTypeName;
  /** Shape of the result, one to four element counts. */
  readonly ne: readonly number[];
  /**
   * Positions in `sources` that the result may overwrite where both have the same layout. Declare a position only if
   * the operation reads each element of that operand for the last time before it writes the element at the same place.
   * Default: none.
   */
  readonly overwrites?: readonly number[];
}

/** One of several results. */
export interface CustomResult {
  /** Element type. */
  readonly type: ElementTypeName;
  /** Shape, one to four element counts. */
  readonly ne: readonly number[];
  /** A label. Default: that of the node, or else the operation’s name, and the number of the result. */
  readonly name?: string;
}

/** Options of a custom operation with several results. */
export interface CustomResultsOptions extends CustomCall {
  /** The results, at least one, in their order in the storage of the node. */
  readonly results: readonly CustomResult[];
  /** Bytes, a power of two: each result starts at a multiple of it within the storage. Default 32. */
  readonly alignment?: number;
}

const CUSTOM_NAMES: OptionNames<CustomOptions> = {
  op: true,
  params: true,
  name: true,
  type: true,
  ne: true,
  overwrites: true,
};
const RESULTS_NAMES: OptionNames<CustomResultsOptions> = {
  op: true,
  params: true,
  name: true,
  results: true,
  alignment: true,
};
const RESULT_NAMES: OptionNames<CustomResult> = { type: true, ne: true, name: true };

/** The caller's own operations. */
export abstract class CustomOps extends Applier {
  /**
   * The contiguous result of one of the caller's own operations.
   *
   * @param sources at most nine tensors that the operation reads
   * @throws PlannerError `BAD_ARGUMENT`, `BAD_SHAPE`, `UNKNOWN_TYPE`
   * @example
   * ```ts
   * import { Context } from 'tensor-arena';
   * const ctx = Context.deferred();
   * const x = ctx.setInput(ctx.newTensor('f32', [64, 8], 'x'));
   * const y = ctx.custom([x], { op: 'HASH_ROWS', type: 'i32', ne: [8], params: { seed: 7 }, name: 'hashes' });
   * console.log(y.op, y.params.seed); // HASH_ROWS 7
   * ```
   */
  custom(sources: readonly Tensor[], options: CustomOptions): Tensor {
    checkSettings(options, CUSTOM_NAMES, CUSTOM);
    const { type, ne, overwrites = [], name = '' } = options;
    const own = ownName(options);
    const result: Result = {
      type: elementType(type, `${own.name}: type`),
      ne: shape(listOf(own, 'ne', ne), own.name),
      reuseRule: { reusesAny: false, operands: listOf(own, 'overwrites', overwrites) },
    };
    return this.setName(this.apply(ownOperation(own, result), sourcesOf(own, sources), paramsOf(own, options)), name);
  }

  /**
   * The results of one of the caller's own operations that has several. They lie one after another in the storage of
   * one node, which is `results[0].sources[0]`. So all results keep their bytes until the last read of any of them. No
   * result reuses an operand.
   *
   * @param sources at most nine tensors that the operation reads
   * @returns a contiguous tensor per result, in their order
   * @throws PlannerError `BAD_ARGUMENT`, `BAD_ALIGNMENT`, `BAD_SHAPE`, `UNKNOWN_TYPE`, `BYTES_TOO_LARGE`
   * @example
   * ```ts
   * import { Context, Graph, planGraph } from 'tensor-arena';
   * const ctx = Context.deferred();
   * const x = ctx.setInput(ctx.newTensor('f32', [64, 8], 'x'));
   * const [values, ids] = ctx.customResults([x], {
   *   op: 'TOP_TWO',
   *   results: [
   *     { type: 'f32', ne: [2, 8], name: 'values' },
   *     { type: 'i32', ne: [2, 8], name: 'ids' },
   *   ],
   * });
   * const plan = planGraph(Graph.forward([ctx.setOutput(values), ctx.setOutput(ids)]));
   * console.log(plan.locate(ids).offset - plan.locate(values).offset); // 64
   * ```
   */
  customResults<const R extends readonly CustomResult[]>(
    sources: readonly Tensor[],
    options: CustomResultsOptions & { readonly results: R },
  ): { -readonly [K in keyof R]: Tensor } {
    checkSettings(options, RESULTS_NAMES, CUSTOM);
    const { results, alignment = 32, name = '' } = options;
    const own = ownName(options);
    checkAlignment(alignment, `${own.name}: alignment`);
    const isList = Array.isArray(results) && results.length > 0;
    requireArgument(isList, own, 'results', results, 'a list of at least one result');
    const layouts = results.map((result, index) => layoutOf(own, result, index));
    const offsets: number[] = [];
    let end = 0;
    for (const layout of layouts) {
      offsets.push(end);
      end = checkBytes(alignUp(end + byteLength(layout, own.name), alignment), own.name);
    }
    const bytes: Result = { type: ELEMENT_TYPES.i8, ne: [end, 1, 1, 1], reuseRule: { reusesAny: false, operands: [] } };
    const operation = ownOperation(own, bytes);
    const node = this.setName(this.apply(operation, sourcesOf(own, sources), paramsOf(own, options)), name);
    const views = layouts.map(({ type, shape: ne, strides: nb }, index) => {
      const offset = offsets[index];
      const view = {
        type,
        ne,
        nb,
        view: { of: node, offset },
        name: results[index].name ?? `${name || own.name} [${index}]`,
      };
      const params = { ne: [...ne], nb: nb.slice(1), offset };
      return this.apply({ ...VIEW, result: () => view }, [node], params);
    });
    return views as { -readonly [K in keyof R]: Tensor };
  }
}

/** The caller's name for the operation, which errors use. @throws PlannerError `BAD_ARGUMENT` */
function ownName({ op = CUSTOM.name }: CustomCall): Named {
  const isOwn = typeof op === 'string' && op !== '' && op !== 'NONE' && (op === CUSTOM.name || !isOperationName(op));
  const remedy = 'Name your operation otherwise; for one of the library, call its method.';
  checkArgument(isOwn, `${CUSTOM.name}: op`, op, 'a name that no operation of the library has', remedy);
  return { name: op };
}

/** @throws PlannerError `BAD_ARGUMENT` for a single tensor in place of a list of one, which is an easy mistake */
function sourcesOf({ name }: Named, sources: Sources): Sources {
  const isList: boolean = Array.isArray(sources);
  const remedy = 'Give the sources in square brackets, also if there is only one.';
  checkArgument(isList, `${name}: sources`, sources, 'a list of tensors', remedy);
  return sources.slice();
}

/** The operation of one call, with the result that the caller declares. */
function ownOperation({ name }: Named, result: Result): Row {
  const check = (o: Operands): Result => {
    const count = o.sources.length;
    const remedy = 'Join some of them with concat, or compute in two operations.';
    checkArgument(count <= MAX_SOURCES, `${name}: number of sources`, count, `at most ${MAX_SOURCES}`, remedy);
    const empty = o.sources.findIndex((source) => (source ?? null) === null);
    if (empty !== -1) missingOperand(name, operandName(o.operation, empty), null);
    for (const slot of result.reuseRule!.operands) {
      const isSlot = Number.isInteger(slot) && slot >= 0 && slot < count;
      const limit =
        count === 0 ? 'left out where there are no sources' : `a position in the sources, 0 to ${count - 1}`;
      checkArgument(isSlot, `${name}: overwrites`, slot, limit, 'Count the sources from 0.');
    }
    return result;
  };
  return { ...CUSTOM, name, result: check };
}

function layoutOf(own: Named, result: CustomResult, index: number): Layout & { shape: Dims4; strides: Dims4 } {
  const label = `${own.name}: results[${index}]`;
  checkOptions(result, RESULT_NAMES, label);
  const { name = '' } = result;
  requireArgument(typeof name === 'string', own, `results[${index}].name`, name, 'a string');
  const type = elementType(result.type, `${own.name}: type of results[${index}]`);
  const ne: Dims4 = shape(listOf(own, `results[${index}].ne`, result.ne), label);
  return { type, shape: ne, strides: contiguousStrides(type, ne, label) };
}

/** A copy of the caller's settings. @throws PlannerError `BAD_ARGUMENT` for what a graph file cannot hold */
function paramsOf(own: Named, { params = {} }: CustomCall): OperationParams {
  const isObject = typeof params === 'object' && params !== null && !Array.isArray(params);
  requireArgument(isObject, own, 'params', params, 'an object');
  const given = Object.entries(params).filter(([, value]: [string, unknown]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [key, settingOf(`${own.name}: params.${key}`, value)]));
}

function settingOf(culprit: string, value: OperationParam): OperationParam {
  if (Array.isArray(value)) return (value as readonly OperationParam[]).map((each) => settingOf(culprit, each));
  const isPlain = value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  if (isPlain) return value;
  throw new PlannerError('BAD_ARGUMENT', {
    message: `${culprit} is ${shown(value)}, which a graph file cannot hold.`,
    culprit,
    value: shown(value),
    limit: 'a finite number, a string, true, false, null, or a list of them',
    remedy: 'Give numbers, strings, flags or lists of them.',
  });
}
