/** The text of `src/report/map/viewer-script.generated.ts`. */
export function viewerModule(): Promise<string>;
