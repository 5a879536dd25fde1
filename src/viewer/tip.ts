/**
 * The box of details beside the pointer.
 */
import { showDetails } from './details-list.js';
import type { Point } from './input.js';
import type { FoundBox } from './map-source.js';

/** Pixels between the pointer and the tip, and from there to the edge of the stage. */
const DISTANCE = 16;
const EDGE = 4;

/** Shows the details of a box beside a point of the stage, within the stage; hides them if there is none of either. */
export function placeTip(tip: HTMLElement, stage: HTMLElement, box: FoundBox | null, point: Point | null): void {
  tip.hidden = box === null || point === null;
  if (box === null || point === null) return;
  showDetails(tip, box);
  const right = point.x + DISTANCE;
  const left = right + tip.offsetWidth > stage.clientWidth ? point.x - DISTANCE - tip.offsetWidth : right;
  const top = Math.min(point.y + DISTANCE, stage.clientHeight - tip.offsetHeight - EDGE);
  tip.style.left = `${Math.max(EDGE, left)}px`;
  tip.style.top = `${Math.max(EDGE, top)}px`;
}
