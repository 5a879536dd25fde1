/** The cards: what is known of each is plausible, and a name that is not known is refused. */
import { describe, expect, it } from 'vitest';
import { CUDA_CARDS, cudaCard } from '../../../src/training/cuda/cards.js';
import { simulateCachingAllocator } from '../../../src/training/cuda/simulate.js';
import { expectError } from '../../support/expect-error.js';

describe('cards', () => {
  it.each(CUDA_CARDS.map((card) => [card.name, card] as const))('%s', (name, card) => {
    expect(cudaCard(name.toLowerCase())).toBe(card);
    expect(card.context.least).toBeLessThanOrEqual(card.context.most);
    expect(card.context.most).toBeLessThan(card.memory / 8);
    expect(card.source).not.toBe('');
  });

  it('have names of their own', () => {
    expect(new Set(CUDA_CARDS.map(({ name }) => name)).size).toBe(CUDA_CARDS.length);
  });

  it('take 8,519,680 bytes for cuBLAS before Hopper, in a segment of 20 MiB, as a snapshot of the allocator shows', () => {
    const { workspaces } = cudaCard('A100-40GB');
    expect(workspaces).toBe(8519680);
    const { allocatedPeak, reservedPeak } = simulateCachingAllocator({ sizes: [workspaces], order: [0] });
    expect([allocatedPeak, reservedPeak]).toEqual([8519680, 20 * 1024 ** 2]);
  });

  it('that are not known are refused', () => {
    expectError('BAD_ARGUMENT', 'name', () => cudaCard('A1000'));
  });
});
