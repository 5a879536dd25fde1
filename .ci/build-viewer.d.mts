/** The text of `src/viewer/viewer-script.generated.ts`. */
export function viewerModule(): Promise<string>;
