/** The page of a map: complete, closed to the network, and with the viewer that the sources make. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { viewerModule } from '../../.ci/build-viewer.mjs';
import { Context, Graph, planGraph } from '../../src/index.js';
import { renderMapHtml } from '../../src/viewer/index.js';
import { projectPath } from '../support/shared.js';

const ctx = Context.deferred();
const graph = Graph.forward(ctx.relu(ctx.norm(ctx.setInput(ctx.newTensor('f32', [64], '</script><b>')), 1e-5)));

describe('renderMapHtml', () => {
  it('holds both plans, under names that differ', () => {
    const page = renderMapHtml(planGraph(graph), { other: planGraph(graph, { allocator: 'ggml' }), title: 'a & b' });
    const data = /id="data">([^<]*)<\/script>/.exec(page)![1];
    const { title, maps } = JSON.parse(data) as { title: string; maps: { name: string; map: { boxes: unknown[] } }[] };
    expect(title).toBe('a & b');
    expect(page).toContain('<title>a &amp; b</title>');
    expect(maps.map(({ name }) => name)).toEqual(['auto', 'ggml']);
    expect(maps[0].map.boxes.length).toBeGreaterThan(0);
    const twice = renderMapHtml(planGraph(graph), { other: planGraph(graph, { reuse: 'off' }) });
    expect(twice).toContain('"name":"plan 1"');
  });

  it('cannot be broken out of by a name, and forbids itself the network', () => {
    const page = renderMapHtml(planGraph(graph));
    expect(page.match(/<\/script>/g)).toHaveLength(2);
    expect(page).toContain(`content="default-src 'none';`);
    expect(page).not.toMatch(/\b(src|href)=/);
  });
});

it('the bundled viewer is what npm run build:viewer makes', async () => {
  const committed = readFileSync(projectPath('src/viewer/viewer-script.generated.ts'), 'utf8');
  // Not compared as texts: the difference would be printed, on lines of 30,000 characters.
  expect(committed === (await viewerModule())).toBe(true);
});
