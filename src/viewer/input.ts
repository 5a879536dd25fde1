/**
 * Pointer and keyboard to the actions of a viewer.
 */
import type { Scale } from '../map/scale.js';
import type { Axes } from './view-window.js';

/** A point of the stage, pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What the inputs of a viewer can do. */
export interface ViewerActions {
  readonly scale: Scale;
  zoom(factor: number, point?: Point, axes?: Axes): void;
  pan(right: number, up: number): void;
  reset(): void;
  hover(point: Point | null): void;
  selectAt(point: Point): void;
  select(box: null): void;
  selectNeighbour(by: 1 | -1): void;
}

/** A press that moves less than this is a click, pixels. */
const CLICK_REACH = 4;

/**
 * Hover, click, drag, two fingers and wheel. The wheel zooms once the map has the focus, or with Ctrl, so that a page
 * around it can be scrolled; over an axis it zooms that axis alone.
 */
export function listenToPointer(stage: HTMLElement, viewer: ViewerActions): void {
  /** Where the pointers are that are pressed. */
  const pressed = new Map<number, Point>();
  /** Where the press began that may be a click. */
  let start: Point | null = null;
  const pointOf = (event: MouseEvent): Point => {
    const { left, top } = stage.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  stage.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    start = pressed.size === 0 ? pointOf(event) : null;
    pressed.set(event.pointerId, pointOf(event));
    stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener('pointermove', (event) => {
    const point = pointOf(event);
    const last = pressed.get(event.pointerId);
    if (last === undefined) {
      viewer.hover(point);
      return;
    }
    stage.classList.add('tav-dragging');
    viewer.hover(null);
    pressed.set(event.pointerId, point);
    const { width, height } = viewer.scale.plot;
    viewer.pan((last.x - point.x) / width / pressed.size, (point.y - last.y) / height / pressed.size);
    const other = [...pressed].find(([id]) => id !== event.pointerId)?.[1];
    if (other !== undefined) viewer.zoom(distance(last, other) / distance(point, other), middle(point, other));
  });
  const release = (event: PointerEvent): void => {
    const isClick = start !== null && pressed.has(event.pointerId) && distance(start, pointOf(event)) < CLICK_REACH;
    pressed.delete(event.pointerId);
    if (pressed.size === 0) stage.classList.remove('tav-dragging');
    if (isClick && event.type === 'pointerup') viewer.selectAt(pointOf(event));
  };
  stage.addEventListener('pointerup', release);
  stage.addEventListener('pointercancel', release);
  stage.addEventListener('pointerleave', () => viewer.hover(null));
  stage.addEventListener('dblclick', (event) => viewer.zoom(0.4, pointOf(event)));
  stage.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey && !event.metaKey && stage.ownerDocument.activeElement !== stage) return;
      event.preventDefault();
      const point = pointOf(event);
      const { x, y, height } = viewer.scale.plot;
      const axes = { steps: point.x >= x && !event.altKey, bytes: point.y <= y + height && !event.shiftKey };
      viewer.zoom(Math.exp(Math.max(-0.5, Math.min(0.5, (event.deltaY || event.deltaX) / 400))), point, axes);
    },
    { passive: false },
  );
}

/** At least a pixel. */
function distance(a: Point, b: Point): number {
  return Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
}

function middle(a: Point, b: Point): Point {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

/** Keys while the map has the focus. */
export function listenToKeys(stage: HTMLElement, viewer: ViewerActions): void {
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => viewer.pan(-0.15, 0),
    ArrowRight: () => viewer.pan(0.15, 0),
    ArrowUp: () => viewer.pan(0, 0.15),
    ArrowDown: () => viewer.pan(0, -0.15),
    '+': () => viewer.zoom(0.7),
    '=': () => viewer.zoom(0.7),
    '-': () => viewer.zoom(1 / 0.7),
    '0': () => viewer.reset(),
    n: () => viewer.selectNeighbour(1),
    p: () => viewer.selectNeighbour(-1),
    Escape: () => viewer.select(null),
  };
  stage.addEventListener('keydown', (event) => {
    // Letters with Shift or Caps Lock, too.
    const action = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
}
