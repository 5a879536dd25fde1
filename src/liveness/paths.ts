/**
 * What depends on what: paths of sources and destinations between the nodes of a graph.
 *
 * Invariant: one question at a time; what an earlier one marked is forgotten. Each costs the steps that it spans.
 */
import type { GraphTable } from '../graph/table.js';

export class Paths {
  readonly #table: GraphTable;
  /** The question that marked each tensor last. */
  readonly #markedBy: Int32Array;
  #question = 0;

  constructor(table: GraphTable) {
    this.#table = table;
    this.#markedBy = new Int32Array(table.tensorCount);
  }

  /** Whether the last question marked the tensor of this id. */
  isMarked(id: number): boolean {
    return this.#markedBy[id] === this.#question;
  }

  /** Marks the node at `step`, and what it depends on as far back as step `first`. */
  markAncestors(step: number, first: number): void {
    const { nodes, sources, sourceFirst, destinations } = this.#table;
    const markedBy = this.#markedBy;
    const question = ++this.#question;
    markedBy[nodes[step]] = question;
    for (let at = step; at >= first; at--) {
      const node = nodes[at];
      if (markedBy[node] !== question) continue;
      for (let s = sourceFirst[node]; s < sourceFirst[node + 1]; s++) markedBy[sources[s]] = question;
      if (destinations[node] !== -1) markedBy[destinations[node]] = question;
    }
  }

  /** Marks the node at `step`, and what depends on it up to step `last`. */
  markDescendants(step: number, last: number): void {
    const { nodes, sources, sourceFirst, destinations } = this.#table;
    const markedBy = this.#markedBy;
    const question = ++this.#question;
    markedBy[nodes[step]] = question;
    for (let at = step + 1; at <= last; at++) {
      const node = nodes[at];
      let depends = destinations[node] !== -1 && markedBy[destinations[node]] === question;
      for (let s = sourceFirst[node]; s < sourceFirst[node + 1] && !depends; s++) {
        depends = markedBy[sources[s]] === question;
      }
      if (depends) markedBy[node] = question;
    }
  }
}
