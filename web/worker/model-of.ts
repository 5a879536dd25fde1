/**
 * The model of a file, read once for all settings: a slider that moves layers to other devices then needs no new graph.
 */
import type { Gguf } from 'tensor-arena/gguf';
import { readModel, type ModelHeader } from 'tensor-arena/models';

const models = new WeakMap<Gguf, ModelHeader>();

/** @throws PlannerError `UNKNOWN_ARCHITECTURE`, `BAD_MODEL` */
export function modelOf(gguf: Gguf): ModelHeader {
  let model = models.get(gguf);
  if (model === undefined) models.set(gguf, (model = readModel(gguf)));
  return model;
}
