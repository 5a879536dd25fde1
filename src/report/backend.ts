/**
 * Which of llama.cpp's backends the figures of models are for, in every report alike.
 */

/** As JSON names it. */
export const BACKEND = 'cpu';

/** Stands below the figures. */
export const BACKEND_NOTE =
  'As llama.cpp allocates it on the CPU; with layers on a GPU the buffers differ, and drivers take more.';
