/**
 * All projectors of public models that llama.cpp reserved memory for.
 */
import { AUDIO } from './audio.js';
import type { Tower } from './tower.js';
import { FIRST } from './vision.js';
import { SECOND } from './vision-2.js';

export const PROJECTORS: Readonly<Record<string, readonly Tower[]>> = { ...FIRST, ...SECOND, ...AUDIO };
