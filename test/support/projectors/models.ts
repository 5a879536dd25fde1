/**
 * All projectors of public models that llama.cpp reserved memory for.
 */
import { AUDIO } from './audio.js';
import type { Tower } from './tower.js';
import { VISION } from './vision.js';

export const PROJECTORS: Readonly<Record<string, readonly Tower[]>> = { ...VISION, ...AUDIO };
