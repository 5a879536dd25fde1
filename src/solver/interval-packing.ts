/**
 * Which parts of buffers fit into a memory at once, for the most profit: a minimum-cost flow along time.
 *
 *     step 0 ──▶ 1 ──▶ 2 ──▶ 3     The memory's bytes flow from the first step to the last. On an arc between steps they
 *          └──a──┘  └───b────┘     are idle; on the arc of a buffer, from its start to its end, at most its size, they earn.
 *
 * Invariant: exact but for rounding. Buffers with gaps need fewer bytes at times: they are taken to fit, so that the profit
 * stays an upper bound. O(buffers² · log buffers).
 */
import type { Problem } from '../problem/problem.js';

const NONE = -1;

/** What fits, and how much it earns. */
export interface Packing {
  /** The profit of all parts that fit. */
  readonly packed: number;
  /** The part of each buffer that fits, 0 to 1. */
  readonly shares: Float64Array;
}

/** @param profits what each buffer earns if all of it fits */
export function packIntervals(problem: Problem, capacity: number, profits: ArrayLike<number>): Packing {
  const { bufferCount, sizes, gaps } = problem;
  const shares = new Float64Array(bufferCount);
  const timeline = new Timeline(problem, capacity);
  let packed = 0;
  const edges = new Int32Array(bufferCount).fill(NONE);
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    const hasGaps = gaps !== null && gaps.first[buffer + 1] > gaps.first[buffer];
    if (sizes[buffer] === 0 || hasGaps) {
      shares[buffer] = 1;
      packed += profits[buffer];
    } else if (sizes[buffer] <= capacity) {
      edges[buffer] = timeline.addBuffer(buffer, profits[buffer] / sizes[buffer]);
    }
  }
  timeline.run();
  for (let buffer = 0; buffer < bufferCount; buffer++) {
    if (edges[buffer] === NONE) continue;
    shares[buffer] = timeline.flowOn(edges[buffer]) / sizes[buffer];
    packed += shares[buffer] * profits[buffer];
  }
  return { packed, shares };
}

/** The network: edge `e` and its reverse `e ^ 1`, as pairs. */
class Timeline {
  readonly #problem: Problem;
  readonly #capacity: number;
  readonly #vertexOf = new Map<number, number>();
  readonly #out: number[][];
  readonly #heads: number[] = [];
  readonly #rooms: number[] = [];
  readonly #costs: number[] = [];
  readonly #potentials: Float64Array;

  constructor(problem: Problem, capacity: number) {
    this.#problem = problem;
    this.#capacity = capacity;
    const steps = [...new Set([...problem.starts, ...problem.ends])].sort((a, b) => a - b);
    steps.forEach((step, vertex) => this.#vertexOf.set(step, vertex));
    this.#out = steps.map(() => []);
    this.#potentials = new Float64Array(steps.length);
    for (let vertex = 0; vertex + 1 < steps.length; vertex++) this.#addEdge(vertex, vertex + 1, capacity, 0);
  }

  addBuffer(buffer: number, density: number): number {
    const { starts, ends, sizes } = this.#problem;
    const [from, to] = [this.#vertexOf.get(starts[buffer])!, this.#vertexOf.get(ends[buffer])!];
    return this.#addEdge(from, to, sizes[buffer], -density);
  }

  #addEdge(from: number, to: number, room: number, cost: number): number {
    const edge = this.#heads.push(to, from) - 2;
    this.#rooms.push(room, 0);
    this.#costs.push(cost, -cost);
    this.#out[from].push(edge);
    this.#out[to].push(edge + 1);
    return edge;
  }

  flowOn(edge: number): number {
    return this.#rooms[edge + 1];
  }

  /** Sends the memory's bytes along the paths that earn most, one after another, until no path earns anything. */
  run(): void {
    const last = this.#out.length - 1;
    if (last < 1) return;
    this.#initialPotentials();
    for (let left = this.#capacity; left > 0;) {
      const arrivals = this.#cheapestPaths();
      if (this.#potentials[last] - this.#potentials[0] > -1e-12) return;
      let flow = left;
      for (let vertex = last; vertex !== 0; vertex = this.#heads[reverse(arrivals[vertex])]) {
        flow = Math.min(flow, this.#rooms[arrivals[vertex]]);
      }
      for (let vertex = last; vertex !== 0; vertex = this.#heads[reverse(arrivals[vertex])]) {
        this.#rooms[arrivals[vertex]] -= flow;
        this.#rooms[reverse(arrivals[vertex])] += flow;
      }
      left -= flow;
    }
  }

  /** All edges lead forward at first, so one pass in order of time finds the cheapest paths. */
  #initialPotentials(): void {
    this.#potentials.fill(Infinity);
    this.#potentials[0] = 0;
    this.#out.forEach((edges, vertex) => {
      for (const edge of edges) {
        if (this.#rooms[edge] === 0) continue;
        const cost = this.#potentials[vertex] + this.#costs[edge];
        if (cost < this.#potentials[this.#heads[edge]]) this.#potentials[this.#heads[edge]] = cost;
      }
    });
  }

  /** Dijkstra over costs that the potentials make positive; updates these. Returns the last edge of each path. */
  #cheapestPaths(): Int32Array {
    const count = this.#out.length;
    const distances = new Float64Array(count).fill(Infinity);
    const arrivals = new Int32Array(count).fill(NONE);
    const isDone = new Uint8Array(count);
    const queue = new Queue();
    distances[0] = 0;
    queue.push(0, 0);
    for (let vertex = queue.pop(); vertex !== NONE; vertex = queue.pop()) {
      if (isDone[vertex] === 1) continue;
      isDone[vertex] = 1;
      for (const edge of this.#out[vertex]) {
        if (this.#rooms[edge] <= 0) continue;
        const head = this.#heads[edge];
        const cost = Math.max(0, this.#costs[edge] + this.#potentials[vertex] - this.#potentials[head]);
        if (distances[vertex] + cost >= distances[head]) continue;
        distances[head] = distances[vertex] + cost;
        arrivals[head] = edge;
        queue.push(head, distances[head]);
      }
    }
    for (let vertex = 0; vertex < count; vertex++) this.#potentials[vertex] += distances[vertex];
    return arrivals;
  }
}

const reverse = (edge: number): number => edge + (edge % 2 === 0 ? 1 : -1);

/** A binary heap of vertices by distance; a vertex may be in it several times. */
class Queue {
  readonly #vertices: number[] = [];
  readonly #distances: number[] = [];

  push(vertex: number, distance: number): void {
    let at = this.#vertices.length;
    while (at > 0) {
      const parent = Math.floor((at - 1) / 2);
      if (this.#distances[parent] <= distance) break;
      this.#vertices[at] = this.#vertices[parent];
      this.#distances[at] = this.#distances[parent];
      at = parent;
    }
    this.#vertices[at] = vertex;
    this.#distances[at] = distance;
  }

  pop(): number {
    if (this.#vertices.length === 0) return NONE;
    const first = this.#vertices[0];
    const vertex = this.#vertices.pop()!;
    const distance = this.#distances.pop()!;
    const count = this.#vertices.length;
    if (count === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= count) break;
      if (child + 1 < count && this.#distances[child + 1] < this.#distances[child]) child++;
      if (this.#distances[child] >= distance) break;
      this.#vertices[at] = this.#vertices[child];
      this.#distances[at] = this.#distances[child];
      at = child;
    }
    this.#vertices[at] = vertex;
    this.#distances[at] = distance;
    return first;
  }
}
