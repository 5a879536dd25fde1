/** Types as an ES module for a page sees them. */
import { solveAsync, type Problem } from 'tensor-arena';
import type { MemoryMap } from 'tensor-arena/map';
import { readGguf, type Gguf } from 'tensor-arena/gguf';
import { MapViewer, serveMap, type ViewerMap } from 'tensor-arena/viewer';
import { GpuArena } from 'tensor-arena/webgpu';

export const open = (container: HTMLElement, maps: readonly ViewerMap[]): MapViewer => new MapViewer(container, maps);
export const read = (file: File, url: URL): Promise<Gguf>[] => [readGguf(file), readGguf(url)];
export const search = (problem: Problem, signal: AbortSignal) => solveAsync(problem, { signal });
export const served = (map: MemoryMap, worker: Worker): void => {
  const { facts, port } = serveMap(map);
  worker.postMessage({ facts, port }, [port]);
};
export const buffers = (device: GPUDevice): readonly GPUBuffer[] => new GpuArena(device).reserve([256]).chunks;
// @ts-expect-error: a number is no element.
void new MapViewer(1, []);
// @ts-expect-error: a number is no file.
void readGguf(1);
