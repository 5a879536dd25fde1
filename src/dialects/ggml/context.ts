/**
 * The class with which users make tensors. A context decides where the tensors' bytes live. It combines the families of
 * operations, most of which lie in `ops/`.
 */
import { checkArgument } from '../../errors.js';
import type { MemoryKind } from '../../tensor/tensor.js';
import { assemble } from './assemble.js';
import { CustomOps } from './custom-ops.js';
import { FRESH_MEMORY, memoryFrom, type ByteSource, type MemoryRange } from '../../tensor/immediate-memory.js';
import { ArithmeticOps } from './ops/arithmetic.js';
import { AttentionOps } from './ops/attention.js';
import { CompositeOps } from './ops/composites.js';
import { ConvolutionOps } from './ops/convolution.js';
import { DirectConvolutionOps } from './ops/direct-convolution.js';
import { GatedOps } from './ops/gated.js';
import { HyperConnectionOps } from './ops/hyper-connections.js';
import { IndexingOps } from './ops/indexing.js';
import { MatrixOps } from './ops/matrix.js';
import { MemoryOps } from './ops/memory.js';
import { NormOps } from './ops/norm.js';
import { PositionOps } from './ops/positions.js';
import { RecurrenceOps } from './ops/recurrence.js';
import { ReductionOps } from './ops/reduction.js';
import { ResamplingOps } from './ops/resampling.js';
import { TrainingOps } from './ops/training.js';
import { UnaryOps } from './ops/unary.js';
import { ViewOps } from './ops/views.js';

const MEMORY_KINDS: readonly MemoryKind[] = ['immediate', 'deferred', 'virtual'];

/** The methods of all families. */
interface Operations
  extends
    ViewOps,
    MemoryOps,
    ArithmeticOps,
    UnaryOps,
    GatedOps,
    NormOps,
    MatrixOps,
    AttentionOps,
    IndexingOps,
    ReductionOps,
    RecurrenceOps,
    HyperConnectionOps,
    ConvolutionOps,
    DirectConvolutionOps,
    ResamplingOps,
    PositionOps,
    TrainingOps,
    CompositeOps,
    CustomOps {}

/** The compiler checks that no family of the interface is missing here. */
const Operations: new (memory: MemoryKind, byteSource: ByteSource | null) => Operations = assemble(
  ViewOps,
  MemoryOps,
  ArithmeticOps,
  UnaryOps,
  GatedOps,
  NormOps,
  MatrixOps,
  AttentionOps,
  IndexingOps,
  ReductionOps,
  RecurrenceOps,
  HyperConnectionOps,
  ConvolutionOps,
  DirectConvolutionOps,
  ResamplingOps,
  PositionOps,
  TrainingOps,
  CompositeOps,
  CustomOps,
);

/**
 * Makes tensors and applies operations.
 *
 * @example
 * ```ts
 * import { Context } from 'tensor-arena';
 * const weights = Context.virtual();
 * const ctx = Context.deferred();
 * const w = weights.newTensor('q4_0', [4096, 4096], 'w');
 * const x = ctx.setInput(ctx.newTensor('f32', [4096, 512], 'x'));
 * const y = ctx.setOutput(ctx.mulMat(w, x));
 * ```
 */
export class Context extends Operations {
  /** Tensors get real, zeroed bytes at once: in `memory` if given, else an `ArrayBuffer` each. */
  static immediate(memory?: MemoryRange): Context {
    return new Context('immediate', memory === undefined ? FRESH_MEMORY : memoryFrom(memory));
  }

  /** Tensors have shape and type only; their bytes come from a plan. */
  static deferred(): Context {
    return new Context('deferred', null);
  }

  /** Tensors have their bytes elsewhere, for instance in a weight file: the bytes are counted, never allocated. */
  static virtual(): Context {
    return new Context('virtual', null);
  }

  /** @internal */
  protected constructor(memory: MemoryKind, byteSource: ByteSource | null) {
    const limit = 'immediate, deferred or virtual';
    const remedy = 'Make one with Context.immediate(), Context.deferred() or Context.virtual().';
    checkArgument(MEMORY_KINDS.includes(memory), 'memory of a Context', memory, limit, remedy);
    super(memory, byteSource);
  }
}
