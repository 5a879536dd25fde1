/** From the top: what a row may import stands above it. */
export const LAYERS: readonly string[];
