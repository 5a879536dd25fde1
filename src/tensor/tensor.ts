/**
 * A tensor: layout, the operation that computes it, and the storage that its bytes belong to.
 *
 * Invariant: `root` owns the storage; a tensor whose `root` is not itself is a view and owns no bytes. Everything but
 * the name, the input and output marks, and the destination of a result is fixed at construction.
 */
import { byteLength, type Layout, type Quad } from './shape.js';
import type { ElementType } from './element-type.js';
import type { Operation } from './operation.js';

/**
 * Where a tensor's bytes come from: `immediate` has them from the start, `deferred` gets them from a plan, `virtual`
 * has them somewhere else (a weight file): counted, never allocated.
 */
export type MemoryKind = 'immediate' | 'deferred' | 'virtual';

/** A number, string or flag of an operation, or a list of them: what a graph file can hold. */
export type ParamValue = number | string | boolean | null | readonly ParamValue[];

/** The settings of an operation other than its operands. */
export type Params = Readonly<Record<string, ParamValue>>;

/** Which operands a result may overwrite, where that differs from the operation's own row. */
export interface InPlaceRule {
  /** Whether ggml would let this operation run in place, on any operand of the same layout. */
  readonly ggml: boolean;
  /** Source slots that the result may overwrite. */
  readonly operands: readonly number[];
}

/** Stands for the tensor under construction in its own list of sources, as in ggml's cast. */
export const SELF = Symbol('self');

/** What it takes to make a tensor. */
export interface TensorSpec extends Layout {
  readonly name?: string;
  /** What computes it. Default: nothing does. */
  readonly operation?: Operation | null;
  readonly sources?: readonly (Tensor | null | typeof SELF)[];
  readonly params?: Params;
  readonly memory: MemoryKind;
  /** The tensor whose storage this one looks into, and at which byte. */
  readonly view?: { readonly of: Tensor; readonly offset: number };
  /** Bytes that a device wants for the tensor, if more than its own length. */
  readonly allocSize?: number;
  readonly inPlaceRule?: InPlaceRule;
}

const NO_SOURCES: readonly (Tensor | null)[] = [];
const NO_SLOTS: readonly number[] = [];
const NO_PARAMS: Params = {};

/** A copy of the sources, as short as they are, with the tensor itself where it is meant. */
function resolved(sources: readonly (Tensor | null | typeof SELF)[], self: Tensor): readonly (Tensor | null)[] {
  const copy = sources.slice();
  for (let slot = 0; slot < copy.length; slot++) if (copy[slot] === SELF) copy[slot] = self;
  return copy as readonly (Tensor | null)[];
}

/** What a user says of a tensor. */
export const MARK = { input: 1, output: 2 } as const;

let markRevision = 0;

/** Grows whenever any tensor's marks or destination change: what was derived from them before is stale. */
export function currentMarkRevision(): number {
  return markRevision;
}

/**
 * An n-dimensional array without its bytes: its layout, and the operation that computes it. Made by a `Context`; only its
 * name and its marks as input and output can be changed.
 */
export class Tensor implements Layout {
  name: string;
  /** What computes it; null for a leaf, and for nodes that only ggml's scheduler makes. */
  readonly operation: Operation | null;
  readonly type: ElementType;
  readonly ne: Quad;
  readonly sources: readonly (Tensor | null)[];
  readonly params: Params;
  readonly allocSize: number | null;
  readonly inPlaceRule: InPlaceRule | null;
  /** The bytes of an immediate tensor that owns its storage. */
  bytes: Uint8Array | null = null;
  /** Its place in the list of tensors that was numbered last: a hint, true only if that place holds this tensor. */
  lastId = -1;
  /** How far the graph that met it last has come with it: a graph's own note, and no other's. */
  graphMark = 0;
  /** The next tensor on the way to {@link root}; null if it owns its storage. A plain field, as tables read many. */
  storage: Tensor | null;
  /** Where the bytes of its own storage come from; of a view, {@link memory} tells. */
  readonly ownMemory: MemoryKind;
  /** 1 for an input plus 2 for an output: whoever looks at thousands of tensors reads it faster than two getters. */
  marks = 0;

  #nb: Quad;
  #storageOffset: number;
  #destination: Tensor | null = null;
  #isRead = false;

  constructor(spec: TensorSpec) {
    this.name = spec.name ?? '';
    this.operation = spec.operation ?? null;
    this.type = spec.type;
    this.ne = spec.ne;
    this.#nb = spec.nb;
    this.sources = spec.sources === undefined ? NO_SOURCES : resolved(spec.sources, this);
    this.params = spec.params ?? NO_PARAMS;
    this.ownMemory = spec.memory;
    this.storage = spec.view?.of.root ?? null;
    this.#storageOffset = spec.view === undefined ? 0 : spec.view.of.viewOffset + spec.view.offset;
    this.allocSize = spec.allocSize ?? null;
    this.inPlaceRule = spec.inPlaceRule ?? null;
    for (let slot = 0; slot < this.sources.length; slot++) {
      const source = this.sources[slot];
      if (source !== null && source !== this) source.#isRead = true;
    }
    if (spec.view !== undefined) spec.view.of.#isRead = true;
  }

  /** Set from outside before every run. */
  get isInput(): boolean {
    return this.marks % MARK.output === MARK.input;
  }

  set isInput(mark: boolean) {
    this.marks = (mark ? MARK.input : 0) + (this.isOutput ? MARK.output : 0);
    markRevision++;
  }

  /** Read from outside after the run: never freed, never overwritten. */
  get isOutput(): boolean {
    return this.marks >= MARK.output;
  }

  set isOutput(mark: boolean) {
    this.marks = (this.isInput ? MARK.input : 0) + (mark ? MARK.output : 0);
    markRevision++;
  }

  /** ggml's name of the operation, as files and messages have it; `NONE` if there is none. */
  get op(): string {
    return this.operation === null ? 'NONE' : this.operation.name;
  }

  /** Source slots that the result may overwrite where both have the same layout. */
  get overwritableSlots(): readonly number[] {
    return this.inPlaceRule?.operands ?? this.operation?.overwrites ?? NO_SLOTS;
  }

  /** Bytes that its own storage takes, before padding: what the device wants of it, or {@link byteLength}. */
  get storageBytes(): number {
    return this.allocSize ?? this.byteLength;
  }

  /** Byte strides, innermost first. */
  get nb(): Quad {
    return this.#nb;
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

  /** Bytes from the first to one past the last element. */
  get byteLength(): number {
    return byteLength(this, this.name);
  }

  /** The tensor that owns the storage: itself unless it is a view. */
  get root(): Tensor {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- walks up a chain that starts here
    let tensor: Tensor = this;
    while (tensor.storage !== null) tensor = tensor.storage;
    return tensor;
  }

  /** Whether the bytes belong to another tensor's storage. */
  get isView(): boolean {
    return this.storage !== null;
  }

  /** Byte position of the first element within the root's storage. */
  get viewOffset(): number {
    let offset = 0;
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- walks up a chain that starts here
    for (let tensor: Tensor | null = this; tensor !== null; tensor = tensor.storage) offset += tensor.#storageOffset;
    return offset;
  }

  /** The tensor that the result is written straight into, if `setOutput` named one. */
  get destination(): Tensor | null {
    return this.#destination;
  }

  /** Where the bytes of the storage come from. */
  get memory(): MemoryKind {
    return this.root.ownMemory;
  }

  /** Whether some other tensor reads this one or looks into it. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Lets the result be written straight into `destination`, as a view of it. The caller has checked both. */
  redirectTo(destination: Tensor): void {
    this.#destination = destination;
    this.storage = destination.root;
    this.#storageOffset = destination.viewOffset;
    this.#nb = destination.nb;
    destination.#isRead = true;
    markRevision++;
  }
}
