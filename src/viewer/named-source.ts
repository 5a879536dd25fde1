/**
 * What a viewer is given, checked: maps with their names, and a place for them.
 */
import { checkArgument } from '../errors.js';
import type { MemoryMap } from '../map/memory-map.js';
import { localSource, type MapSource } from './map-source.js';

/** A plan to show, and what to call it. */
export interface ViewerMap {
  readonly name: string;
  /** The map itself, or one that a worker serves. */
  readonly map: MemoryMap | MapSource;
}

export interface NamedSource {
  readonly name: string;
  readonly source: MapSource;
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function sourcesOf(maps: readonly ViewerMap[]): NamedSource[] {
  const isMap = (each: Partial<ViewerMap> | null | undefined): boolean =>
    typeof each?.name === 'string' && typeof each.map === 'object' && (each.map as object | null) !== null;
  const isList: boolean = Array.isArray(maps);
  const isValid = isList && maps.length > 0 && maps.every(isMap);
  checkArgument(
    isValid,
    'maps',
    maps,
    'a list of at least one { name, map }',
    'Make a map with memoryMapOf or openMap.',
  );
  return maps.map(({ name, map }) => ({ name, source: 'boxes' in map ? localSource(map) : map }));
}

/** @throws PlannerError `BAD_ARGUMENT` */
export function checkContainer(container: HTMLElement): void {
  const isElement = typeof (container as Partial<HTMLElement> | null | undefined)?.append === 'function';
  checkArgument(isElement, 'container', container, 'an element of a page', 'Give one that is on the page.');
}
