/**
 * Runs a program in PyTorch's eager way and writes down what it did, as a graph.
 *
 * Invariant: a node is one result of one operation, in the order in which PyTorch allocates them. A storage is alive from
 * there to the last node that reads it; what Python or autograd holds for longer is read by a `release` node at the
 * place where they let go. A view is a node only if something reads it.
 */
import { findTorchOperation, RELEASE } from '../../dialects/torch/operations.js';
import { PlannerError } from '../../errors.js';
import { Graph } from '../../graph/graph.js';
import { ELEMENT_TYPES, type ElementType } from '../../tensor/element-type.js';
import { contiguousStrides } from '../../tensor/layout.js';
import { Origin, Tensor, type OperationParams } from '../../tensor/tensor.js';
import type { TrainingKind, TrainingStep } from '../measurement.js';
import type { TrainingDevice } from '../run.js';
import { contiguous, type Saved, type Strided, type Value } from './value.js';

/** The layout of a result. */
export interface ResultSpec {
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Default: contiguous */
  readonly strides?: readonly number[];
}

/** What takes the values that nodes of autograd want to keep. */
export interface Checkpoint {
  pack(value: Value): Saved;
}

/** A region of autocast. */
export interface CastRegion {
  readonly type: ElementType;
  /** Casts by parameter. */
  readonly casts: Map<Value, Value>;
  /** The same region, entered again: it begins without casts. */
  anew(): CastRegion;
  /** Leaves the region. */
  end(tape: Tape): void;
}

/** What a step does at the moment. */
export type Section = 'forward' | 'backward' | 'recompute' | 'step';

const KIND_OF: Readonly<Record<Section, TrainingKind>> = {
  forward: 'activations',
  backward: 'temporaries',
  recompute: 'recomputed',
  step: 'temporaries',
};

/** In place of a block: the loss, where it is no part of the model. */
export const OUTSIDE = -2;

/** A run of one training step. */
export class Tape {
  readonly #origin = new Origin('torch');
  readonly #leafs: Tensor[] = [];
  readonly #nodes: Tensor[] = [];
  /** By serial number: one more than the node that last read the storage; 0 if none has. */
  readonly #lastReads: number[] = [];
  /** By serial number. */
  readonly #kinds: TrainingKind[] = [];
  /** By serial number: whether a tensor is among the nodes. */
  readonly #isListed: boolean[] = [];
  /** By node: the block that it belongs to. */
  readonly #blocks: number[] = [];
  /** By storage: the node that last wrote over it, which stands for it from then on. */
  readonly #written = new Map<Tensor, Tensor>();
  #lastAllocation = 0;
  readonly #starts = { backward: 0, step: 0 };
  /** How many nodes of autograd were made: PyTorch runs the youngest first. */
  sequence = 0;
  section: Section = 'forward';
  isGradEnabled = true;
  /** The block of the model that runs; -1 outside of all. */
  block = -1;
  /** How many blocks the model has run. */
  blockCount = 0;
  /** What autograd's nodes save goes there instead, if it is set. */
  checkpoint: Checkpoint | null = null;
  autocast: CastRegion | null = null;
  /** Counts what waits in the host's memory; null if nothing is moved there. */
  offload: { bytes: number } | null = null;
  readonly device: TrainingDevice;

  constructor(device: TrainingDevice) {
    this.device = device;
  }

  /** A tensor that is there before the step and after it. */
  leaf(name: string, kind: TrainingKind, type: ElementType, shape: readonly number[]): Value {
    const tensor = this.#tensor(name, null, [], { type, shape }, {});
    this.#leafs.push(tensor);
    this.keep(tensor, kind);
    this.#origin.markInput(tensor);
    return { tensor, type, shape, strides: contiguous(shape), edge: null };
  }

  /** Keeps a storage to the end of the step and beyond it. */
  keep(tensor: Tensor, kind: TrainingKind): void {
    this.setKind(tensor, kind);
    this.#lastReads[tensor.root.serial] = Infinity;
    this.#origin.markOutput(tensor.root);
  }

  /** Whether a storage lasts beyond the step. */
  isKept({ root }: Tensor): boolean {
    return this.#lastReads[root.serial] === Infinity;
  }

  setKind(tensor: Tensor, kind: TrainingKind): void {
    this.#kinds[tensor.root.serial] = kind;
  }

  /** Runs an operation: one node for each of its results. */
  emit(op: string, operands: readonly Value[], specs: readonly ResultSpec[], params: OperationParams = {}): Value[] {
    for (const operand of operands) this.#list(operand.tensor);
    const operation = operationOf(op);
    const sources = operands.map((operand) => operand.tensor);
    const results = specs.map((spec, index) => {
      const settings = specs.length === 1 ? params : { ...params, result: index };
      const tensor = this.#tensor(`node_${this.#nodes.length}`, operation, sources, spec, settings);
      this.#push(tensor);
      this.#lastAllocation = this.#nodes.length;
      this.#kinds[tensor.serial] = KIND_OF[this.section];
      const { type, shape, strides = contiguous(shape) } = spec;
      return { tensor, type, shape, strides, edge: null };
    });
    for (const source of sources) this.#read(source);
    return results;
  }

  /** Looks at a tensor in another way: no bytes, and no node before something reads it. */
  view(op: string, of: Value, { shape, strides }: Strided, offset = 0): Value {
    const view = { of: of.tensor, offset: offset * of.type.blockBytes };
    const tensor = this.#tensor('', operationOf(op), [of.tensor], { type: of.type, shape, strides }, {}, view);
    return { tensor, type: of.type, shape, strides, edge: null };
  }

  /** Runs an operation that writes its result over `target`. */
  overwrite(op: string, target: Value, operands: readonly Value[]): Value {
    const all = [target, ...operands];
    for (const operand of all) this.#list(operand.tensor);
    const sources = all.map((operand) => operand.tensor);
    const view = { of: target.tensor, offset: 0 };
    const tensor = this.#tensor(`node_${this.#nodes.length}`, operationOf(op), sources, target, {}, view);
    this.#push(tensor);
    for (const source of sources) this.#read(source);
    this.#written.set(tensor.root, tensor);
    return { ...target, tensor };
  }

  /** What the program, or autograd, does not hold any longer: it is freed here if nothing later reads it. */
  release(values: readonly (Value | null)[]): void {
    const held = new Set<Tensor>();
    for (const value of values) {
      if (value !== null && this.#lastReads[value.tensor.root.serial] < this.#lastAllocation)
        held.add(value.tensor.root);
    }
    this.#releaseRoots(held);
  }

  #releaseRoots(held: ReadonlySet<Tensor>): void {
    if (held.size === 0) return;
    const spec = { type: ELEMENT_TYPES.i8, shape: [0] };
    const current = [...held].map((root) => this.#written.get(root) ?? root);
    this.#push(this.#tensor(`node_${this.#nodes.length}`, RELEASE, current, spec, {}));
    for (const tensor of held) this.#read(tensor);
  }

  /** Where the tape is: what {@link Tape.releaseUnread} takes. */
  get position(): number {
    return this.#nodes.length;
  }

  /** Lets go of everything since `position` that nothing has read: a program that was stopped leaves it behind. */
  releaseUnread(position: number): void {
    const unread = this.#nodes.slice(position).filter((tensor) => {
      const isRead = this.#lastReads[tensor.root.serial] > 0 && this.#written.get(tensor.root) !== tensor;
      return !isRead && tensor.operation !== RELEASE;
    });
    this.#releaseRoots(new Set(unread.map(({ root }) => root)));
  }

  /** Runs a function of the program, whose local variables are held until it returns. */
  frame<T>(body: (hold: (value: Value) => Value) => T): T {
    const locals: Value[] = [];
    const hold = (value: Value): Value => {
      locals.push(value);
      return value;
    };
    try {
      return body(hold);
    } finally {
      this.release(locals);
    }
  }

  /** Goes on to the next phase of the step. */
  begin(phase: 'backward' | 'step'): void {
    this.#starts[phase] = this.#nodes.length;
    this.section = phase;
  }

  /** Ends the step by letting go of `values`. */
  finish(values: readonly Value[]): Omit<TrainingStep, 'counts' | 'host'> {
    this.#releaseRoots(new Set(values.map(({ tensor }) => tensor.root)));
    const graph = new Graph({ leafs: this.#leafs, nodes: this.#nodes });
    const kinds = graph.tensors.map(({ root }) => this.#kinds[root.serial] ?? 'temporaries');
    return { graph, phaseStarts: { ...this.#starts }, kinds, blocks: Int32Array.from(this.#blocks) };
  }

  #tensor(
    name: string,
    operation: Tensor['operation'],
    sources: readonly Tensor[],
    { type, shape, strides }: ResultSpec,
    params: OperationParams,
    view?: { readonly of: Tensor; readonly offset: number },
  ): Tensor {
    const inner = shape.toReversed();
    const bytes = strides?.toReversed().map((stride) => stride * type.blockBytes);
    const layout = { type, shape: inner, strides: bytes ?? contiguousStrides(type, inner, name) };
    const tensor = new Tensor({
      origin: this.#origin,
      name,
      operation,
      sources,
      params,
      ...layout,
      memory: 'deferred',
      view,
    });
    this.#lastReads.push(0);
    this.#kinds.push('temporaries');
    this.#isListed.push(view === undefined);
    return tensor;
  }

  #push(tensor: Tensor): void {
    this.#nodes.push(tensor);
    this.#blocks.push(this.block);
    this.#isListed[tensor.serial] = true;
  }

  /** Lists a view that something reads, and the views that it looks through. */
  #list(tensor: Tensor): void {
    if (this.#isListed[tensor.serial]) return;
    for (const source of tensor.sources) this.#list(source!);
    tensor.name = `node_${this.#nodes.length}`;
    this.#push(tensor);
    this.#read(tensor);
  }

  #read({ root }: Tensor): void {
    if (this.#lastReads[root.serial] !== Infinity) this.#lastReads[root.serial] = this.#nodes.length;
  }
}

function operationOf(name: string): NonNullable<Tensor['operation']> {
  const operation = findTorchOperation(name);
  if (operation !== undefined) return operation;
  throw new PlannerError('UNKNOWN_OPERATION', {
    message: `The dialect torch has no operation ${name}.`,
    culprit: name,
    value: name,
    limit: 'an operation of the dialect torch',
    remedy: 'Add it to the rows of the dialect.',
  });
}
