/** Questions about paths, asked many at a time, against a search for each. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { GraphTable } from '../../src/graph/table.js';
import { Paths } from '../../src/liveness/paths.js';

interface Drawn {
  /** Tensor ids: leafs and nodes are mixed. */
  readonly isLeaf: readonly boolean[];
  /** How far back the sources of each tensor are; the first number may be its destination instead. */
  readonly needs: readonly (readonly number[])[];
  readonly hasDestination: readonly boolean[];
}

const COUNT = 240;
const graphs = fc.record({
  isLeaf: fc.array(
    fc.nat(20).map((n) => n === 0),
    { minLength: COUNT, maxLength: COUNT },
  ),
  needs: fc.array(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 3, size: 'max' }), {
    minLength: COUNT,
    maxLength: COUNT,
  }),
  hasDestination: fc.array(fc.boolean(), { minLength: COUNT, maxLength: COUNT }),
});

/** What each tensor needs: sources, and a destination or -1. */
function needsOf({ isLeaf, needs, hasDestination }: Drawn): { sources: number[]; destination: number }[] {
  return isLeaf.map((leaf, id) => {
    const ids = leaf ? [] : needs[id].map((back) => id - back).filter((need) => need >= 0);
    const destination = hasDestination[id] && ids.length > 0 ? ids.shift()! : -1;
    return { sources: ids, destination };
  });
}

function tableOf(drawn: Drawn): GraphTable {
  const needs = needsOf(drawn);
  const ids = [...needs.keys()];
  const sourceFirst = [0];
  for (const { sources } of needs) sourceFirst.push(sourceFirst[sourceFirst.length - 1] + sources.length);
  const nodes = ids.filter((id) => !drawn.isLeaf[id]);
  const table: Partial<GraphTable> = {
    tensorCount: COUNT,
    nodes: Int32Array.from(nodes),
    steps: Int32Array.from(ids, (id) => nodes.indexOf(id)),
    sourceFirst: Int32Array.from(sourceFirst),
    sources: Int32Array.from(needs.flatMap(({ sources }) => sources)),
    destinations: Int32Array.from(needs, ({ destination }) => destination),
  };
  return table as GraphTable;
}

function depends(needs: ReturnType<typeof needsOf>, first: number, last: number): boolean {
  if (first === last) return true;
  const { sources, destination } = needs[last];
  return [...sources, destination].some((need) => need >= first && depends(needs, first, need));
}

it('answers each question as a search of its own would', () => {
  const question = fc.tuple(fc.nat(COUNT - 1), fc.nat(COUNT - 1)).map((ids) => ids.sort((a, b) => a - b));
  const count = { yes: 0, no: 0 };
  fc.assert(
    fc.property(
      graphs,
      fc.array(question, { minLength: 100, maxLength: 300, size: 'max' }),
      (drawn, drawnQuestions) => {
        const needs = needsOf(drawn);
        const paths = new Paths(tableOf(drawn));
        const questions = drawnQuestions.filter(([first]) => !drawn.isLeaf[first]);
        questions.forEach(([first, last], number) => expect(paths.ask(first, last)).toBe(number));
        const expected = questions.map(([first, last]) => Number(depends(needs, first, last)));
        expect([...paths.answers()]).toEqual(expected);
        for (const answer of expected) count[answer === 1 ? 'yes' : 'no']++;
      },
    ),
    { numRuns: 150 },
  );
  expect(Math.min(count.yes, count.no)).toBeGreaterThan(500);
});

it('answers thousands of questions about one node, from either end', () => {
  // A comb: node 2i is the back, which reads the one before it; node 2i + 1 is a tooth that reads node 2i.
  const count = 2000;
  const needs = Array.from({ length: count }, (_, id) => (id === 0 ? [] : [id % 2 === 1 ? id - 1 : id - 2]));
  const table: Partial<GraphTable> = {
    tensorCount: count,
    nodes: Int32Array.from(needs.keys()),
    steps: Int32Array.from(needs.keys()),
    sourceFirst: Int32Array.from({ length: count + 1 }, (_, id) => Math.max(0, id - 1)),
    sources: Int32Array.from(needs.flat()),
    destinations: new Int32Array(count).fill(-1),
  };
  const paths = new Paths(table as GraphTable);
  for (let id = 1; id < count; id++) paths.ask(0, id);
  for (let id = 2; id < count; id++) paths.ask(id, count - 1);
  const answers = paths.answers();
  expect(answers.subarray(0, count - 1).every((answer) => answer === 1)).toBe(true);
  // The last node is a tooth: it depends on the back, and on no other tooth.
  const backOnly = Array.from({ length: count }, (_, id) => Number(id % 2 === 0 || id === count - 1));
  expect([...answers.subarray(count - 1)]).toEqual(backOnly.slice(2));
});
