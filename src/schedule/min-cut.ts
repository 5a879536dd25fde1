/**
 * The cheapest way to part a network in two: Dinic's maximum flow.
 *
 * Invariant: capacities are bytes, whole numbers or `Infinity`, so that flows stay exact up to 2^53 - 1. O(V²E) at worst;
 * networks of graphs take a few phases.
 */
const NONE = -1;

export class CutNetwork {
  /** The two vertices that are to be parted. */
  static readonly source = 0;
  static readonly sink = 1;
  #vertexCount = 2;
  /** By vertex, the last edge added; then by edge, the edge before it. An edge and its reverse are `e` and `e ^ 1`. */
  readonly #last: number[] = [NONE, NONE];
  readonly #before: number[] = [];
  readonly #heads: number[] = [];
  readonly #rooms: number[] = [];
  #levels = new Int32Array(0);
  #next = new Int32Array(0);

  addVertex(): number {
    this.#last.push(NONE);
    return this.#vertexCount++;
  }

  /** An edge that costs `capacity` if `from` is on the source's side and `to` on the sink's. */
  addEdge(from: number, to: number, capacity: number): void {
    this.#addHalf(from, to, capacity);
    this.#addHalf(to, from, 0);
  }

  #addHalf(from: number, to: number, room: number): void {
    this.#before.push(this.#last[from]);
    this.#heads.push(to);
    this.#rooms.push(room);
    this.#last[from] = this.#heads.length - 1;
  }

  /** 1 for each vertex on the sink's side of a cheapest cut: of all of these, the one with the fewest vertices there. */
  sinkSide(): Uint8Array {
    while (this.#findLevels()) while (this.#push(CutNetwork.source, Infinity) > 0);
    return this.#reachesSink();
  }

  /** Distances from the source along edges with room; false if the sink can't be reached. */
  #findLevels(): boolean {
    this.#levels = new Int32Array(this.#vertexCount).fill(NONE);
    this.#next = Int32Array.from(this.#last);
    const queue = [CutNetwork.source];
    this.#levels[CutNetwork.source] = 0;
    for (const vertex of queue) {
      for (let edge = this.#last[vertex]; edge !== NONE; edge = this.#before[edge]) {
        const head = this.#heads[edge];
        if (this.#rooms[edge] === 0 || this.#levels[head] !== NONE) continue;
        this.#levels[head] = this.#levels[vertex] + 1;
        queue.push(head);
      }
    }
    return this.#levels[CutNetwork.sink] !== NONE;
  }

  /** Pushes flow along one path of rising levels, and returns how much; 0 if there is no path. Iterative: paths are long. */
  #push(start: number, limit: number): number {
    const path: number[] = [];
    let vertex = start;
    while (vertex !== CutNetwork.sink) {
      const edge = this.#usableEdge(vertex);
      if (edge !== NONE) {
        path.push(edge);
        vertex = this.#heads[edge];
        continue;
      }
      // A dead end: nothing leads on from here in this phase.
      this.#levels[vertex] = NONE;
      const back = path.pop();
      if (back === undefined) return 0;
      vertex = this.#heads[back + (back % 2 === 0 ? 1 : -1)];
    }
    const flow = path.reduce((least, edge) => Math.min(least, this.#rooms[edge]), limit);
    for (const edge of path) {
      this.#rooms[edge] -= flow;
      this.#rooms[edge + (edge % 2 === 0 ? 1 : -1)] += flow;
    }
    return flow;
  }

  #usableEdge(vertex: number): number {
    for (let edge = this.#next[vertex]; edge !== NONE; edge = this.#before[edge]) {
      const isUsable = this.#rooms[edge] > 0 && this.#levels[this.#heads[edge]] === this.#levels[vertex] + 1;
      if (!isUsable) continue;
      this.#next[vertex] = edge;
      return edge;
    }
    this.#next[vertex] = NONE;
    return NONE;
  }

  #reachesSink(): Uint8Array {
    const reaches = new Uint8Array(this.#vertexCount);
    reaches[CutNetwork.sink] = 1;
    const queue = [CutNetwork.sink];
    for (const vertex of queue) {
      for (let edge = this.#last[vertex]; edge !== NONE; edge = this.#before[edge]) {
        const from = this.#heads[edge];
        const roomTowards = this.#rooms[edge + (edge % 2 === 0 ? 1 : -1)];
        if (roomTowards === 0 || reaches[from] === 1) continue;
        reaches[from] = 1;
        queue.push(from);
      }
    }
    return reaches;
  }
}
