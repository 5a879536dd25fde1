/**
 * Models that write speech.
 */
import { decoder } from '../decoder/decoder.js';

/** Pocket TTS: Llama with layer normalisation and a network without gate. */
export const pocketTts = decoder({
  norm: { kind: 'layer', bias: 'required' },
  headRules: { isTurnedWhole: true, isAsWideAsEmbedding: true },
  feedForward: { activation: 'gelu', gate: 'none' },
  output: { weights: 'none' },
});
