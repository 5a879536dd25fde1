/**
 * Nodes whose device llama.cpp fixes before it spreads the graph.
 *
 * Invariant: the rules are those of `graph_get_cb` and `build_attn_mha`.
 */
import type { BufferTypeOf } from '../../device/device.js';
import type { Graph } from '../../graph/graph.js';
import type { Tensor } from '../../tensor/tensor.js';
import type { Batch, ResolvedModelOptions } from '../options.js';
import { MAX_LAYERS } from '../metadata-reader.js';
import type { Offload } from './offload.js';

/** Nodes that stay on the device of their layer: without this, a norm would go where the layer before it is. */
const KEPT_IN_LAYER = /^(?:norm|l_last)-(\d+)$/;
/** No longer name is one of theirs: asked first, as an engine would have to join the parts of a longer one. */
const KEPT_LENGTH = 'l_last-'.length + String(MAX_LAYERS).length;

/** The result of attention that reads a cache in host memory. */
const ATTENTION_RESULT = /^kqv_out-\d+$/;

/** Batches of so many tokens are worth the copy of a norm to another device, unless all layers are on devices anyway. */
const LARGE_BATCH = 32;

/** Index of the device, by node. */
export function pinnedNodes(
  { nodes }: Graph,
  { layerDevices, devices, isFullyOffloaded, options }: Offload,
  { flashAttention }: ResolvedModelOptions,
  { tokens }: Batch,
  bufferTypeOf: BufferTypeOf,
): ReadonlyMap<Tensor, number> {
  const pinned = new Map<Tensor, number>();
  const keepsLayers = tokens < LARGE_BATCH || isFullyOffloaded;
  const keepsAttention = !options.kvOffload && !flashAttention;
  for (const node of nodes) {
    const mayBeKept = keepsLayers && node.name.length <= KEPT_LENGTH;
    const [, layer] = (mayBeKept ? KEPT_IN_LAYER.exec(node.name) : null) ?? [];
    if (layer !== undefined) {
      const device = layerDevices.layers[Number(layer)];
      if (device.supports(node, bufferTypeOf)) pinned.set(node, devices.indexOf(device));
    }
    if (keepsAttention && node.op === 'CONT' && ATTENTION_RESULT.test(node.name)) pinned.set(node, devices.length - 1);
  }
  return pinned;
}
