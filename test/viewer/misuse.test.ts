/** What a viewer refuses, before it touches the page. */
import { expect, it } from 'vitest';
import { Context, Graph, planGraph } from '../../src/index.js';
import { memoryMapOf } from '../../src/map/index.js';
import { MapViewer } from '../../src/viewer/index.js';
import { expectError } from '../support/expect-error.js';

const ctx = Context.deferred();
const map = memoryMapOf(planGraph(Graph.forward(ctx.relu(ctx.setInput(ctx.newTensor('f32', [4], 'x'))))));
const maps = [{ name: 'x', map }];
const added: unknown[] = [];
const container = { append: (child: unknown) => added.push(child) };

it.each([
  ['no container', 'container', null, maps],
  ['a container that is none', 'container', {}, maps],
  ['no maps', 'maps', container, null],
  ['an empty list', 'maps', container, []],
  ['a map without a name', 'maps', container, [{ map }]],
  ['a name without a map', 'maps', container, [{ name: 'x', map: null }]],
  ['nothing in the list', 'maps', container, [undefined]],
])('%s', (_, culprit, place, list) => {
  expectError('BAD_ARGUMENT', culprit, () => new MapViewer(place as never, list as never));
  expect(added).toEqual([]);
});
