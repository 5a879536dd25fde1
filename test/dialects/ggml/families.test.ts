/**
 * The families of operations stand side by side in a context: on one prototype, and none in the way of another.
 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../src/dialects/ggml/assemble.js';
import { Context } from '../../../src/dialects/ggml/context.js';
import { Applier } from '../../../src/dialects/ggml/ops/applier.js';
import { ArithmeticOps } from '../../../src/dialects/ggml/ops/arithmetic.js';
import { CompositeOps } from '../../../src/dialects/ggml/ops/composites.js';
import { ConvolutionOps } from '../../../src/dialects/ggml/ops/convolution.js';
import { UnaryOps } from '../../../src/dialects/ggml/ops/unary.js';

const methodsOf = (prototype: object): string[] =>
  Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');

describe('a context', () => {
  const families = Object.getPrototypeOf(Context.prototype) as object;

  it('has the methods of all families on one prototype, and what they share on the next', () => {
    const all = methodsOf(families);
    for (const { prototype } of [ArithmeticOps, ConvolutionOps, CompositeOps, UnaryOps]) {
      expect(all).toEqual(expect.arrayContaining(methodsOf(prototype)));
    }
    expect(Object.getPrototypeOf(families)).toBe(Applier.prototype);
    expect(methodsOf(Context.prototype)).toEqual([]);
  });

  it('is an instance of its class, which its static members return', () => {
    for (const ctx of [Context.immediate(), Context.deferred(), Context.virtual()]) {
      expect(ctx).toBeInstanceOf(Context);
      expect(ctx).toBeInstanceOf(Applier);
    }
  });
});

describe('assemble', () => {
  it('refuses two families with a method of the same name', () => {
    class Other extends Applier {
      relu(): string {
        return 'another';
      }
    }
    expect(() => assemble(UnaryOps, ArithmeticOps)).not.toThrow();
    expect(() => assemble(UnaryOps, Other)).toThrow('relu');
  });
});
