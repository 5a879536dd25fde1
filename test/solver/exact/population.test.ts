/**
 * How priorities are bred: which members stay, which make room, and what children inherit.
 */
import { describe, expect, it } from 'vitest';
import { Population } from '../../../src/solver/exact/population.js';

const SECTIONS = 400;
const AMPLITUDE = 0.05;
const JITTER = 0.2 * AMPLITUDE * 0.5;
const MOST_MEMBERS = 16;

/** A population whose first draws are done, and whose members have one value each throughout: 100, 101 and so on. */
function populated(ratings: readonly number[]): Population {
  const population = new Population(SECTIONS);
  for (let i = 0; i < 4; i++) population.draw();
  ratings.forEach((rating, member) => rate(population, 100 + member, rating));
  return population;
}

function rate(population: Population, value: number, rating: number): void {
  population.priorities.fill(value);
  population.rate(rating);
}

/** Draws so often; per draw, how many sections have the value of which member (-1: of none, within its noise). */
function drawMany(population: Population, count: number): Map<number, number>[] {
  return Array.from({ length: count }, () => {
    population.draw();
    const shares = new Map<number, number>();
    for (const value of population.priorities) {
      const nearest = Math.round(value);
      const member = nearest >= 100 && Math.abs(value - nearest) <= JITTER ? nearest : -1;
      shares.set(member, (shares.get(member) ?? 0) + 1);
    }
    return shares;
  });
}

/** The members that many draws descend from. */
function parentsOf(population: Population): number[] {
  const parents = new Set(drawMany(population, 300).flatMap((shares) => [...shares.keys()]));
  return [...parents].filter((member) => member >= 0).sort((a, b) => a - b);
}

const NUMBERED = Array.from({ length: MOST_MEMBERS }, (_, member) => 100 + member);
const TENS = NUMBERED.map(() => 10);

describe('Population', () => {
  it('begins with no priorities, goes on with little noise, and then with all of it until it has four members', () => {
    const population = new Population(SECTIONS);
    const largest = (): number => {
      population.draw();
      return Math.max(...population.priorities);
    };
    expect(largest()).toBe(0);
    for (let i = 0; i < 3; i++) expect(largest()).toBeCloseTo(0.1 * AMPLITUDE, 3);
    for (let i = 0; i < 20; i++) {
      if (i < 3) rate(population, 100 + i, 1);
      expect(largest()).toBeCloseTo(AMPLITUDE, 2);
      expect(Math.min(...population.priorities)).toBeGreaterThanOrEqual(0);
      expect(new Set(population.priorities).size).toBe(SECTIONS);
    }
    rate(population, 103, 1);
    expect(parentsOf(population)).toEqual([100, 101, 102, 103]);
  });

  it('draws the same for the same ratings', () => {
    const draws = [1, 2].map(() => {
      const population = populated(TENS);
      drawMany(population, 50);
      return [...population.priorities];
    });
    expect(draws[0]).toEqual(draws[1]);
  });

  it('has children that are crossed, jittered or drawn again in part, and some draws without parents', () => {
    const kinds = { fresh: 0, crossed: 0, jittered: 0, redrawn: 0 };
    let redrawnSections = 0;
    const draws = 2000;
    const population = populated(TENS);
    for (let i = 0; i < draws; i++) {
      const [shares] = drawMany(population, 1);
      const { priorities } = population;
      const isExact = priorities.every((value) => Number.isInteger(value));
      const own = shares.get(-1) ?? 0;
      if (own === SECTIONS) kinds.fresh++;
      else if (own > 0) [kinds.redrawn, redrawnSections] = [kinds.redrawn + 1, redrawnSections + own];
      else if (!isExact) kinds.jittered++;
      else kinds.crossed++;
      if (own > 0)
        expect([...priorities].every((value) => value >= 100 || (value >= 0 && value <= AMPLITUDE))).toBe(true);
      else expect(shares.size).toBe(isExact && shares.size === 2 ? 2 : 1);
      // The second parent's sections are one stretch, so that there are at most two seams.
      if (isExact) expect(priorities.filter((value, s) => s > 0 && value !== priorities[s - 1]).length).toBeLessThan(3);
    }
    expect(kinds.fresh / draws).toBeCloseTo(0.15, 1);
    expect(kinds.crossed / draws).toBeCloseTo(0.85 * 0.3, 1);
    expect(kinds.jittered / draws).toBeCloseTo(0.85 * 0.3, 1);
    expect(kinds.redrawn / draws).toBeCloseTo(0.85 * 0.4, 1);
    // Up to three tenths of the sections, so half of that on average.
    expect(redrawnSections / kinds.redrawn / SECTIONS).toBeCloseTo(0.15, 1);
  });

  it('jitters both ways, and not by more than it may', () => {
    const population = populated(TENS);
    let [lowest, highest] = [0, 0];
    for (let i = 0; i < 300; i++) {
      population.draw();
      const { priorities } = population;
      if (Math.round(priorities[0]) !== Math.round(priorities[SECTIONS - 1])) continue;
      for (const value of priorities) {
        if (value < 1) continue;
        lowest = Math.min(lowest, value - Math.round(value));
        highest = Math.max(highest, value - Math.round(value));
      }
    }
    expect(highest).toBeCloseTo(JITTER, 3);
    expect(lowest).toBeCloseTo(-JITTER, 3);
  });

  it('keeps sixteen members, and replaces the worst by any that is no worse', () => {
    expect(parentsOf(populated(TENS))).toEqual(NUMBERED);
    const ratings = TENS.map((rating, member) => (member === 5 ? 7 : rating));
    const replacedBy = (rating: number): number[] => {
      const population = populated(ratings);
      rate(population, 200, rating);
      return parentsOf(population);
    };
    const without105 = [...NUMBERED.filter((member) => member !== 105), 200];
    expect(replacedBy(6)).toEqual(NUMBERED);
    expect(replacedBy(7)).toEqual(without105);
    expect(replacedBy(8)).toEqual(without105);
  });

  it('keeps what it was given even if the priorities change', () => {
    const population = populated(TENS);
    population.priorities.fill(300);
    expect(parentsOf(population)).toEqual(NUMBERED);
  });

  it('counts the rating of a replacement, and less of it with age', () => {
    const population = populated(TENS.map((rating, member) => (member === 5 ? 7 : rating)));
    rate(population, 200, 12);
    rate(population, 201, 9); // worse than all
    expect(parentsOf(population)).not.toContain(201);
    rate(population, 202, 9.8);
    expect(parentsOf(population)).not.toContain(202);
    population.age();
    rate(population, 203, 9.8);
    expect(parentsOf(population)).toContain(203);
    expect(parentsOf(population)).toContain(200);
  });
});
