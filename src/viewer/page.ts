/**
 * The script of a self-contained page: mounts a viewer over the maps that the page holds. It is bundled into
 * `viewer/viewer-script.generated.ts` by `npm run build:viewer`.
 */
import { VIEWER_STYLE } from './style.js';
import type { ViewerMap } from './named-source.js';
import { MapViewer } from './viewer.js';

interface PageData {
  readonly title: string;
  readonly maps: readonly ViewerMap[];
}

const style = document.createElement('style');
style.textContent = VIEWER_STYLE;
document.head.append(style);
const { title, maps } = JSON.parse(document.getElementById('data')!.textContent) as PageData;
new MapViewer(document.getElementById('map')!, maps, title);
(document.querySelector('.tav-stage') as HTMLElement).focus({ preventScroll: true });
