/**
 * A map that stays in a worker, however large it is: what is asked about it goes there and back over a message channel.
 *
 *     page                                worker
 *     openMap(served) ◀── postMessage ─── serveMap(map)
 *       draw, find, search ── port ─────▶ answers, one after the other
 *       close ──────────────── port ─────▶ lets go of the map
 *
 * Invariant: each question has one answer, in order; a map that is closed, or whose worker is gone, answers no more.
 */
import { checkArgument } from '../errors.js';
import { indexMap, type IndexedMap } from '../map/columns.js';
import { drawIndexed } from '../map/draw.js';
import type { MapOptions } from '../map/options.js';
import type { MemoryMap } from '../map/memory-map.js';
import type { PagePort } from './dom-types.js';
import { factsOf, find, search, type BoxQuestion, type MapFacts, type MapSource } from './map-source.js';

/** What a worker sends to the page; `port` has to be in the list of what is transferred. */
export interface ServedMap {
  readonly facts: MapFacts;
  readonly port: PagePort;
}

/** A served map, as a viewer takes it. */
export interface OpenedMap extends MapSource {
  /** Lets go of it: nothing that was asked is answered any more. */
  close(): void;
}

type Question =
  | { readonly draw: MapOptions }
  | { readonly find: BoxQuestion }
  | { readonly search: string; readonly limit: number }
  | { readonly close: true };

/**
 * Serves a map from a worker.
 *
 * @throws PlannerError `BAD_ARGUMENT`
 * @example
 * ```ts
 * import { Context, Graph, planGraph } from 'tensor-arena';
 * import { memoryMapOf } from 'tensor-arena/map';
 * import { openMap, serveMap } from 'tensor-arena/viewer';
 * const ctx = Context.deferred();
 * const plan = planGraph(Graph.forward(ctx.relu(ctx.setInput(ctx.newTensor('f32', [256], 'x')))));
 * const served = serveMap(memoryMapOf(plan)); // in the worker; then: postMessage(served, [served.port])
 * const map = openMap(served); // on the page; then: new MapViewer(container, [{ name: 'my plan', map }])
 * console.log((await map.search('x', 1)).boxes[0]?.name); // x
 * map.close();
 * ```
 */
export function serveMap(map: MemoryMap): ServedMap {
  const { boxes, chunks } = (map as Partial<MemoryMap> | null | undefined) ?? {};
  const isMap = Array.isArray(boxes) && Array.isArray(chunks);
  checkArgument(isMap, 'map', map, 'a MemoryMap', 'Give what memoryMapOf returns.');
  const indexed = indexMap(map);
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = ({ data }: MessageEvent<Question>) => {
    if ('close' in data) port1.close();
    else port1.postMessage(answer(indexed, data));
  };
  return { facts: factsOf(indexed), port: port2 };
}

function answer(indexed: IndexedMap, question: Exclude<Question, { readonly close: true }>): unknown {
  if ('draw' in question) return drawIndexed(indexed, question.draw);
  if ('find' in question) return find(indexed, question.find);
  return search(indexed, question.search, question.limit);
}

/** Opens a map that a worker serves. @throws PlannerError `BAD_ARGUMENT` */
export function openMap(served: ServedMap): OpenedMap {
  const { facts, port } = served ?? ({} as Partial<ServedMap>);
  const isServed = typeof facts === 'object' && typeof port?.postMessage === 'function';
  checkArgument(isServed, 'served', served, 'a served map', 'Give what serveMap returns, with its port transferred.');
  const waiting: ((reply: unknown) => void)[] = [];
  port.onmessage = ({ data }: MessageEvent<unknown>) => waiting.shift()?.(data);
  const ask = <T>(question: Question): Promise<T> => {
    return new Promise<T>((resolve) => {
      waiting.push(resolve as (reply: unknown) => void);
      port.postMessage(question);
    });
  };
  return {
    facts,
    draw: (options) => ask({ draw: options }),
    find: (question) => ask({ find: question }),
    search: (query, limit) => ask({ search: query, limit }),
    close: () => {
      waiting.length = 0;
      port.postMessage({ close: true } satisfies Question);
      port.close();
    },
  };
}
