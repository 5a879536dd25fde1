/**
 * Which of llama.cpp's backends the figures of models are for, in every report alike.
 */

/** As JSON names it. */
export const BACKEND = 'cpu';

/** Stands below the figures. */
export const BACKEND_NOTE = 'Sizes are those of llama.cpp’s CPU backend; on a GPU they differ.';
