/** Types as an ES module for a page sees them. */
import { solveAsync, type Problem } from 'tensor-arena';
import { readGguf, type Gguf } from 'tensor-arena/gguf';
import { MapViewer, type ViewerMap } from 'tensor-arena/viewer';

export const open = (container: HTMLElement, maps: readonly ViewerMap[]): MapViewer => new MapViewer(container, maps);
export const read = (file: File, url: URL): Promise<Gguf>[] => [readGguf(file), readGguf(url)];
export const search = (problem: Problem, signal: AbortSignal) => solveAsync(problem, { signal });
// @ts-expect-error: a number is no file.
void readGguf(1);
