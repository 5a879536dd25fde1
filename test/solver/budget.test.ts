/**
 * What a search may spend, unit by unit of effort. The tests move the clock themselves.
 */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Budget, type Limits } from '../../src/solver/budget.js';

const budgetOf = (limits: Partial<Limits> = {}): Budget =>
  new Budget({ maxEffort: Infinity, timeLimitMs: Infinity, signal: undefined, onTick: undefined, ...limits });

/** Spends until the budget refuses, at most `most` times; returns how often it granted. */
function spendAll(budget: Budget, most = 10_000): number {
  let granted = 0;
  while (granted < most && budget.spend()) granted++;
  return granted;
}

afterEach(() => void vi.restoreAllMocks());

describe('Budget', () => {
  it('grants its effort, and counts no more', () => {
    const budget = budgetOf({ maxEffort: 300 });
    expect([spendAll(budget), budget.effort, budget.reason, budget.isSpent]).toEqual([300, 300, 'effort', true]);
    expect([budget.spend(), budget.effort]).toEqual([false, 300]);
    const unlimited = budgetOf();
    expect([spendAll(unlimited), unlimited.reason, unlimited.isSpent]).toEqual([10_000, 'done', false]);
  });

  it('checks the clock and the signal every 256 units of effort, and before the first', () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1000);
    const timed = budgetOf({ timeLimitMs: 50 });
    clock.mockReturnValue(1049);
    expect(spendAll(timed, 256)).toBe(256);
    clock.mockReturnValue(1050);
    // The last unit is refused, but counted: the check of the clock follows the count.
    expect([spendAll(timed), timed.effort, timed.reason]).toEqual([255, 512, 'time']);
    expect(budgetOf({ timeLimitMs: 0 }).reason).toBe('time');
    expect(budgetOf({ signal: AbortSignal.abort() }).reason).toBe('abort');
    const controller = new AbortController();
    const onTick = vi.fn(() => controller.abort());
    const aborted = budgetOf({ signal: controller.signal, onTick });
    expect([spendAll(aborted), aborted.reason, onTick.mock.calls.length]).toEqual([255, 'abort', 1]);
  });

  it('is charged for effort already spent, and then checks the clock', () => {
    const budget = budgetOf({ maxEffort: 100 });
    budget.charge(99);
    expect([budget.effort, budget.isSpent]).toEqual([99, false]);
    budget.charge(30);
    expect([budget.effort, budget.reason]).toEqual([129, 'effort']);
    const exact = budgetOf({ maxEffort: 100 });
    exact.charge(100);
    expect(exact.reason).toBe('effort');
    const clock = vi.spyOn(performance, 'now').mockReturnValue(0);
    const timed = budgetOf({ timeLimitMs: 5, maxEffort: 2 });
    clock.mockReturnValue(9);
    timed.charge(1);
    expect(timed.reason).toBe('time');
    // The first reason stays.
    timed.giveUp();
    timed.charge(1);
    expect([timed.reason, timed.effort]).toEqual(['time', 2]);
  });

  it('that is given up has spent its effort, unless its time had run out', () => {
    const budget = budgetOf();
    budget.giveUp();
    expect(budget.reason).toBe('effort');
    const controller = new AbortController();
    const aborted = budgetOf({ signal: controller.signal });
    controller.abort();
    aborted.giveUp();
    expect(aborted.reason).toBe('abort');
  });
});

describe('a slice of a budget', () => {
  it('is a share of what is left, rounded up', () => {
    const whole = budgetOf({ maxEffort: 301 });
    whole.charge(200);
    const half = whole.slice(0.5);
    expect(spendAll(half, 51)).toBe(51);
    expect([half.effort, whole.effort, whole.isSpent]).toEqual([51, 251, false]);
    expect([half.spend(), half.reason, whole.isSpent]).toEqual([false, 'effort', false]);
    expect([spendAll(whole), whole.effort, whole.reason]).toEqual([301 - 252, 301, 'effort']);
  });

  it('of an unlimited budget grows with the effort spent', () => {
    const whole = budgetOf();
    whole.charge(1000);
    expect(spendAll(whole.slice(0.5), 1e6)).toBe(51_000);
    expect(whole.isSpent).toBe(false);
  });

  it('ends with the whole budget, for the same reason', () => {
    const controller = new AbortController();
    const whole = budgetOf({ signal: controller.signal });
    const slice = whole.slice(1);
    expect(spendAll(slice, 10)).toBe(10);
    controller.abort();
    expect([spendAll(slice), slice.reason, whole.effort]).toEqual([245, 'abort', 256]);
    const charged = budgetOf({ signal: controller.signal });
    expect(charged.reason).toBe('abort');
    const later = new AbortController();
    const halves = budgetOf({ signal: later.signal, maxEffort: 100 }).slice(0.5);
    later.abort();
    halves.charge(1);
    expect([halves.reason, halves.effort]).toEqual(['abort', 1]);
    const limited = budgetOf({ maxEffort: 20 });
    const part = limited.slice(1);
    part.charge(25);
    expect([part.reason, part.effort, limited.reason, limited.effort]).toEqual(['effort', 25, 'effort', 25]);
    const late = budgetOf({ signal: AbortSignal.abort() }).slice(1);
    expect([late.spend(), late.reason]).toEqual([false, 'abort']);
  });
});
