/** ggml's Vulkan backend looks where tensors lie before it fuses any nodes: an overlap costs speed alone. */
import type { Runtime } from './runtime.js';

export const GGML_VULKAN: Runtime = { name: 'ggml-vulkan', fusions: [] };
