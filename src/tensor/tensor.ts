/**
 * A tensor: layout, the operation that computes it, and the storage that its bytes belong to.
 *
 * Invariant: a value, of which only the name can change. `root` owns the storage; a tensor whose `root` is not itself is a
 * view and owns no bytes. Which tensors are inputs and outputs is a fact of the graph.
 */
import type { ElementType } from './element-type.js';
import type { OperationParams } from './operation-params.js';
import type { Operation } from './operation.js';
import { byteLength, type Dims4, type Layout } from './layout.js';

/**
 * Where a tensor's bytes come from: `immediate` has them from the start, `deferred` gets them from a plan, `virtual`
 * has them somewhere else (a weight file): counted, never allocated.
 */
export type MemoryKind = 'immediate' | 'deferred' | 'virtual';

export type { OperationParam, OperationParams } from './operation-params.js';

/** Which operands a result may overwrite, where that differs from the operation's own row. */
export interface ReuseRule {
  /** As {@link Operation.reusesAny}. */
  readonly reusesAny: boolean;
  /** Source slots that the result may overwrite. */
  readonly operands: readonly number[];
}

/** Stands for the tensor under construction in its own list of sources, as in ggml's cast. */
export const SELF = Symbol('self');

/** What it takes to make a tensor. */
export interface TensorSpec extends Layout {
  /** Where it is made. */
  readonly origin: Origin;
  readonly name?: string;
  /** What computes it. Default: nothing does. */
  readonly operation?: Operation | null;
  /** The list belongs to the tensor from then on: a copy of each would be a tenth of what a graph allocates. */
  readonly sources?: readonly (Tensor | null | typeof SELF)[] | undefined;
  readonly params?: OperationParams | undefined;
  readonly memory: MemoryKind;
  /** The tensor whose storage this one looks into, and at which byte. */
  readonly view?: { readonly of: Tensor; readonly offset: number } | undefined;
  /** The tensor that the result is written straight into: it is a view of that tensor, of the same type and shape. */
  readonly destination?: Tensor | undefined;
  /** The bytes of an immediate tensor that owns its storage. */
  readonly bytes?: Uint8Array | undefined;
  /** Bytes that a device wants for the tensor, if more than its own length. */
  readonly allocSize?: number | undefined;
  readonly reuseRule?: ReuseRule | undefined;
}

/**
 * Where tensors are made, such as a context or a graph file: numbers them, and collects what is said of them. The tensors
 * of an origin have the serial numbers 0, 1, 2, … in the order in which they were made.
 */
export class Origin {
  /** Name of the dialect that the operations of its tensors are of. */
  readonly dialect: string;
  /** Tensors made so far. */
  count = 0;
  /** Grows with every mark and replacement: the marks that a graph knows are stale then. */
  revision = 0;
  readonly #inputs = new Set<Tensor>();
  readonly #outputs = new Set<Tensor>();
  /** Null at first: walks ask about every tensor. */
  #replaced: Set<Tensor> | null = null;

  constructor(dialect: string) {
    this.dialect = dialect;
  }

  /** Tensors that are set from outside before every run. */
  get inputs(): ReadonlySet<Tensor> {
    return this.#inputs;
  }

  /** Tensors that are read from outside after the run. */
  get outputs(): ReadonlySet<Tensor> {
    return this.#outputs;
  }

  /** Tensors in whose place `setOutput` has returned others: no graph may contain them. Null without any. */
  get replaced(): ReadonlySet<Tensor> | null {
    return this.#replaced;
  }

  markInput(tensor: Tensor): void {
    this.#inputs.add(tensor);
    this.revision++;
  }

  markOutput(tensor: Tensor): void {
    this.#outputs.add(tensor);
    this.revision++;
  }

  /** Lets `successor` stand for `tensor`, with the same marks. */
  replace(tensor: Tensor, successor: Tensor): void {
    this.#replaced ??= new Set();
    this.#replaced.add(tensor);
    this.revision++;
    if (this.#inputs.has(tensor)) successor.origin.markInput(successor);
    if (this.#outputs.has(tensor)) successor.origin.markOutput(successor);
  }
}

const NO_SOURCES: readonly (Tensor | null)[] = [];
const NO_SLOTS: readonly number[] = [];
const NO_PARAMS: OperationParams = {};

/** The sources with the tensor itself where it is meant: the same list where it is not. */
function resolved(sources: readonly (Tensor | null | typeof SELF)[], self: Tensor): readonly (Tensor | null)[] {
  for (let slot = 0; slot < sources.length; slot++) {
    if (sources[slot] === SELF) return sources.map((source) => (source === SELF ? self : source));
  }
  return sources as readonly (Tensor | null)[];
}

/**
 * An n-dimensional array without its bytes: its layout, and the operation that computes it. Made by a `Context`; only its
 * name can be changed.
 */
export class Tensor implements Layout {
  name: string;
  /** What computes it; null for a leaf, and for nodes that only a scheduler makes. */
  readonly operation: Operation | null;
  readonly type: ElementType;
  /** Element counts, innermost dimension first. */
  readonly shape: readonly number[];
  /** Byte strides, one per dimension. */
  readonly strides: readonly number[];
  /** Bytes from the first to one past the last element. */
  readonly byteLength: number;
  readonly sources: readonly (Tensor | null)[];
  readonly params: OperationParams;
  readonly allocSize: number | null;
  readonly reuseRule: ReuseRule | null;
  /** The tensor that owns the storage: itself unless it is a view. */
  readonly root: Tensor;
  /** Byte position of the first element within the root's storage. */
  readonly viewOffset: number;
  /** The tensor that the result is written straight into, if `setOutput` named one. */
  readonly destination: Tensor | null;
  /** Where the bytes of the storage come from. */
  readonly memory: MemoryKind;
  /** The bytes of an immediate tensor that owns its storage. */
  readonly bytes: Uint8Array | null;
  /** Where it was made. @internal */
  readonly origin: Origin;
  /** How many tensors were made there before. */
  readonly serial: number;

  constructor(spec: TensorSpec) {
    const destination = spec.destination ?? null;
    const viewed = destination ?? spec.view?.of;
    this.name = spec.name ?? '';
    this.operation = spec.operation ?? null;
    this.type = spec.type;
    this.shape = spec.shape;
    this.strides = destination === null ? spec.strides : destination.strides;
    this.byteLength = byteLength(this, this.name);
    this.sources = spec.sources === undefined ? NO_SOURCES : resolved(spec.sources, this);
    this.params = spec.params ?? NO_PARAMS;
    this.allocSize = spec.allocSize ?? null;
    this.reuseRule = spec.reuseRule ?? null;
    this.root = viewed === undefined ? this : viewed.root;
    this.viewOffset = viewed === undefined ? 0 : viewed.viewOffset + (destination === null ? spec.view!.offset : 0);
    this.destination = destination;
    this.memory = viewed === undefined ? spec.memory : viewed.memory;
    this.bytes = spec.bytes ?? null;
    this.origin = spec.origin;
    this.serial = spec.origin.count++;
  }

  /** The dialect's name of the operation, as files and messages have it; `NONE` if there is none. */
  get op(): string {
    return this.operation === null ? 'NONE' : this.operation.name;
  }

  /** Source slots that the result may overwrite where both have the same layout. */
  get overwritableSlots(): readonly number[] {
    return this.reuseRule?.operands ?? this.operation?.overwrites ?? NO_SLOTS;
  }

  /** Bytes that a storage of its own takes, before padding: what the device wants of it, or {@link byteLength}. */
  get storageBytes(): number {
    return this.allocSize ?? this.byteLength;
  }

  /**
   * What messages call it: its name, or what it is. A view is named after what it looks into when it is made, so that of a
   * tensor which had no name then has none of its own either.
   */
  get label(): string {
    if (this.name !== '' && !this.name.startsWith(' (')) return this.name;
    if (this.isView) return `view of ${this.root.label} at byte ${this.viewOffset}`;
    return this.operation === null ? 'unnamed leaf' : this.operation.name;
  }

  /** ggml's name of the shape, which has four dimensions there. */
  get ne(): Dims4 {
    return this.shape as Dims4;
  }

  /** ggml's name of the strides. */
  get nb(): Dims4 {
    return this.strides as Dims4;
  }

  /** Whether the bytes belong to another tensor's storage. */
  get isView(): boolean {
    return this.root !== this;
  }
}

/** What a tensor that is made anew refers to. */
export interface Relations {
  readonly origin: Origin;
  /** Of the same number as before; `SELF` where the tensor is among its own sources. */
  readonly sources: readonly (Tensor | null | typeof SELF)[];
  /** The owner of the storage that it looks into; the tensor owns its storage if this is undefined. */
  readonly root?: Tensor | undefined;
  readonly destination?: Tensor | undefined;
  readonly allocSize?: number | undefined;
}

/** `tensor` made anew among other tensors: the same operation and layout, the same place within its storage. */
export function remade(tensor: Tensor, relations: Relations): Tensor {
  const { origin, sources, root, destination, allocSize } = relations;
  return new Tensor({
    origin,
    name: tensor.name,
    operation: tensor.operation,
    type: tensor.type,
    shape: tensor.shape,
    strides: tensor.strides,
    sources,
    params: tensor.params,
    memory: tensor.memory,
    view: root === undefined ? undefined : { of: root, offset: tensor.viewOffset },
    destination,
    bytes: tensor.bytes ?? undefined,
    allocSize,
    reuseRule: tensor.reuseRule ?? undefined,
  });
}

/** `tensor` as a view of `destination`: the same operation, whose result is written straight there. */
export function writtenInto(tensor: Tensor, destination: Tensor): Tensor {
  return remade(tensor, {
    origin: tensor.origin,
    sources: tensor.sources.map((source) => (source === tensor ? SELF : source)),
    destination,
    allocSize: tensor.allocSize ?? undefined,
  });
}
