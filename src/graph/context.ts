/**
 * The way users make tensors. A context decides where their bytes live; the families of operations come from `ops/`.
 */
import { FRESH_MEMORY, memoryFrom, type MemoryRange } from './immediate-memory.js';
import { CustomContext } from './custom-context.js';

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
export class Context extends CustomContext {
  /** Tensors get real, zeroed bytes at once: in `memory` if given, else an `ArrayBuffer` each. */
  static immediate(memory?: MemoryRange): Context {
    return new Context('immediate', memory === undefined ? FRESH_MEMORY : memoryFrom(memory));
  }

  /** Tensors have shape and type only; their bytes come from a plan. */
  static deferred(): Context {
    return new Context('deferred', null);
  }

  /** The memory lives elsewhere, for instance in a weight file: counted, never allocated. */
  static virtual(): Context {
    return new Context('virtual', null);
  }
}
