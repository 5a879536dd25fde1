/**
 * The positions of the context slider: eight for each doubling, in whole steps of llama.cpp's rounding.
 */
const STEP = 256;
const STOPS_PER_DOUBLING = 8;

/** Ascending tokens, from one step to what the model was trained on. */
export function contextStops(trained: number): readonly number[] {
  const stops = new Set<number>();
  for (let i = 0; STEP * 2 ** (i / STOPS_PER_DOUBLING) < trained; i++) {
    stops.add(Math.round(2 ** (i / STOPS_PER_DOUBLING)) * STEP);
  }
  const within = [...stops].filter((tokens) => tokens < trained);
  return [...within, trained];
}

/** The position nearest to a number of tokens. */
export function nearestStop(stops: readonly number[], tokens: number): number {
  let nearest = 0;
  stops.forEach((stop, index) => {
    if (Math.abs(stop - tokens) <= Math.abs(stops[nearest] - tokens)) nearest = index;
  });
  return nearest;
}
