/**
 * Graph JSON → graph, checking everything that the rest of the library takes for granted.
 *
 * Invariant: either a graph that holds together, or an error naming the tensor and field; never anything in between.
 * O(tensors + sources), whatever the document says.
 */
import { named, shown, wrongValue } from '../errors.js';
import { elementType, type ElementType } from '../tensor/element-type.js';
import { byteLength, rowSize, sameLayout, type Layout } from '../tensor/layout.js';
import { dialectOf } from '../dialects/dialects.js';
import { unknownOperation, type Operation } from '../tensor/operation.js';
import { Origin, SELF, Tensor, type ReuseRule } from '../tensor/tensor.js';
import { checkViewBounds } from '../tensor/view-bounds.js';
import { Graph } from '../graph/graph.js';
import type { TensorJson } from './write.js';
import { readPools } from './read-pools.js';
import { checkResult } from './check-result.js';
import { checkIds, checkRow, expectField, fail, FIELD_NAMES, isObject, type DocumentKind } from './fields.js';

/**
 * Reads a graph document, for instance the result of `JSON.parse`. A node must have the type and shape that its
 * operation makes of its operands, where the document has the settings that decide them.
 *
 * @throws PlannerError `BAD_DOCUMENT` (fields missing, of the wrong kind or at odds with each other), `BAD_SHAPE`, `BAD_VIEW`, `BAD_ORDER`,
 * `BYTES_TOO_LARGE`, `CYCLE`, `DANGLING_INDEX`, `LISTED_TWICE`, `NOT_LISTED`, `UNKNOWN_TYPE`, `WRONG_NBYTES`
 */
export function graphFromJson(document: unknown): Graph {
  const { tensors: rows, leafs, nodes, kind } = checkDocument(document);
  const tensors = new TensorBuilder(rows, kind).build();
  checkLists(rows, leafs, nodes);
  return new Graph({
    tensors,
    leafs: leafs.map((id) => tensors[id]),
    nodes: nodes.map((id) => tensors[id]),
    extras: extrasOf(document as object),
    pools: readPools(document, rows),
  });
}

/** The fields that are none of the format's own, as own data properties whatever their names. */
function extrasOf(document: object): Record<string, unknown> {
  const known = ['format', 'version', 'dialect', 'pools', 'tensors', 'leafs', 'nodes'];
  return Object.fromEntries(Object.entries(document).filter(([key]) => !known.includes(key)));
}

interface Rows {
  readonly kind: DocumentKind;
  readonly tensors: readonly TensorJson[];
  readonly leafs: readonly number[];
  readonly nodes: readonly number[];
}

function checkDocument(document: unknown): Rows {
  const isText = typeof document === 'string' || ArrayBuffer.isView(document);
  if (isText) {
    const remedy = 'Parse the text of the file first: graphFromJson(JSON.parse(text)).';
    throw wrongValue('BAD_DOCUMENT', { culprit: 'graph document', value: document, limit: 'an object', remedy });
  }
  expectField(isObject(document), 'graph document', document, 'an object');
  expectField(document.format === 'tensor-graph', 'format', document.format, '"tensor-graph"');
  const { version, tensors, leafs, nodes } = document;
  expectField(version === 1 || version === 2, 'version', version, '1 or 2, the versions there are');
  const { dialect } = version === 1 ? { dialect: 'ggml' } : document;
  expectField(
    typeof dialect === 'string' && dialect !== '',
    'dialect',
    dialect,
    'the name of a dialect, such as "ggml"',
  );
  const kind: DocumentKind = { dialect: dialectOf(dialect), names: FIELD_NAMES[version] };
  expectField(Array.isArray(tensors), 'tensors', tensors, 'an array');
  const rows = Array.from(tensors as unknown[]); // no holes
  return {
    kind,
    tensors: rows.map((row, id) => checkRow(row, id, rows.length, kind)),
    leafs: checkIds(leafs, 'leafs', 0, rows.length),
    nodes: checkIds(nodes, 'nodes', 0, rows.length),
  };
}

/** Builds tensors in dependency order, whatever order they are listed in. */
class TensorBuilder {
  readonly #rows: readonly TensorJson[];
  readonly #tensors: (Tensor | undefined)[];
  readonly #isOpen: Uint8Array;
  readonly #origin: Origin;
  readonly #kind: DocumentKind;
  /** Operations that the library does not know, by name. */
  readonly #unknown = new Map<string, Operation>();

  constructor(rows: readonly TensorJson[], kind: DocumentKind) {
    this.#kind = kind;
    this.#origin = new Origin(kind.dialect.name);
    this.#rows = rows;
    this.#tensors = new Array<Tensor | undefined>(rows.length);
    this.#isOpen = new Uint8Array(rows.length);
  }

  build(): Tensor[] {
    for (let id = 0; id < this.#rows.length; id++) this.#buildFrom(id);
    return this.#tensors as Tensor[];
  }

  /** Iterative: chains may be millions long. */
  #buildFrom(start: number): void {
    const path = [start];
    while (path.length > 0) {
      const id = path[path.length - 1];
      const missing =
        this.#tensors[id] === undefined ? this.#needs(id).filter((need) => this.#tensors[need] === undefined) : [];
      if (missing.length > 0) {
        if (this.#isOpen[id] === 1) this.#failCycle(missing[0]);
        this.#isOpen[id] = 1;
        for (const need of missing) {
          if (this.#isOpen[need] === 1) this.#failCycle(need);
          path.push(need);
        }
        continue;
      }
      this.#tensors[id] ??= this.#make(id);
      this.#isOpen[id] = 0;
      path.pop();
    }
  }

  #needs(id: number): number[] {
    const { src = [], view, destination } = this.#rows[id];
    const needs = src.filter((need) => need >= 0 && need !== id);
    if (view !== undefined) needs.push(view);
    if (destination !== undefined) needs.push(destination);
    return needs;
  }

  #failCycle(id: number): never {
    const culprit = this.#label(id);
    const message = `${culprit} is needed for its own computation.`;
    fail('CYCLE', message, culprit, 'needed for its own computation', 'computed from other tensors only');
  }

  #label(id: number): string {
    return `tensors[${id}] (${this.#rows[id].name})`;
  }

  #make(id: number): Tensor {
    const row = this.#rows[id];
    const label = this.#label(id);
    const layout: Layout = {
      type: typeOf(row.type, this.#kind, `${label}.type`),
      shape: [...row.shape],
      strides: [...row.strides],
    };
    this.#checkBytes(row, layout, label);
    if (row.view !== undefined && row.external === true) {
      const isExternal = this.#rows[row.view].external === true;
      expectField(isExternal, `${label}.external`, true, 'left out of a view whose storage is not external');
    }
    const destination = row.destination === undefined ? undefined : this.#destinationOf(row, layout, id);
    const operation = this.#operationOf(row);
    const tensor = new Tensor({
      origin: this.#origin,
      name: row.name,
      operation,
      type: layout.type,
      shape: layout.shape,
      strides: layout.strides,
      sources: row.src?.map((source) => (source === -1 ? null : source === id ? SELF : this.#tensors[source]!)),
      params: row.params === undefined ? undefined : { ...row.params },
      memory: row.external === true ? 'virtual' : 'deferred',
      view: row.view === undefined || destination !== undefined ? undefined : this.#viewOf(row, layout, id),
      destination,
      allocSize: row.allocSize,
      reuseRule: reuseRuleOf(row, operation),
    });
    checkResult(tensor, this.#kind, label);
    if (row.input === true) this.#origin.markInput(tensor);
    if (row.output === true) this.#origin.markOutput(tensor);
    return tensor;
  }

  #operationOf({ op }: TensorJson): Operation | null {
    if (op === 'NONE') return null;
    const operation = this.#kind.dialect.findOperation(op) ?? this.#unknown.get(op) ?? unknownOperation(op);
    if (!operation.isKnown) this.#unknown.set(op, operation);
    return operation;
  }

  #checkBytes(row: TensorJson, layout: Layout, label: string): void {
    const { names } = this.#kind;
    rowSize(layout.type, layout.shape[0] ?? 1, `${label}.${names.shape}`);
    const bytes = byteLength(layout, label);
    const found: unknown = row.byteLength;
    if (found !== bytes) {
      const culprit = `${label}.${names.byteLength}`;
      const parts = `type, ${names.shape} and ${names.strides}`;
      const message = `${culprit} is ${found === undefined ? 'missing' : shown(found)}, but its ${parts} make ${bytes}.`;
      fail('WRONG_NBYTES', message, culprit, found, `${bytes}, what ${parts} say`);
    }
    const { allocSize } = row;
    const isEnough = allocSize === undefined || (Number.isSafeInteger(allocSize) && allocSize >= bytes);
    expectField(isEnough, `${label}.allocSize`, allocSize, `an integer of at least ${bytes}, its ${names.byteLength}`);
  }

  #viewOf({ view, viewOffset = 0 }: TensorJson, layout: Layout, id: number): { of: Tensor; offset: number } {
    const label = this.#label(id);
    const root = this.#tensors[view!]!;
    if (root.isView) {
      const culprit = `${label}.view`;
      const message = `${culprit} is ${view}, which is a view itself.`;
      fail('BAD_VIEW', message, culprit, view, 'the id of a tensor that owns its storage');
    }
    checkViewBounds(layout, viewOffset, root.byteLength, `${label}.viewOffset`);
    return { of: root, offset: viewOffset };
  }

  #destinationOf(row: TensorJson, layout: Layout, id: number): Tensor {
    const destination = this.#tensors[row.destination!]!;
    const matches =
      sameLayout(destination, layout) &&
      this.#tensors[row.view ?? -1] === destination.root &&
      row.viewOffset === destination.viewOffset;
    if (!matches) {
      const limit = 'a tensor of the same type, shape, strides, view and viewOffset';
      const culprit = `${this.#label(id)}.destination`;
      const message = `${culprit} is ${row.destination}, which differs from it in type, shape, strides, view or viewOffset.`;
      fail('BAD_VIEW', message, culprit, row.destination, limit);
    }
    return destination;
  }
}

/** The dialect's own type of that name, or ggml's. @throws PlannerError `UNKNOWN_TYPE` */
function typeOf(name: string, { dialect: { types } }: DocumentKind, culprit: string): ElementType {
  return (Object.hasOwn(types, name) ? types[name] : undefined) ?? elementType(name, culprit);
}

/** Kept only where the document deviates from what the operation's row says. */
function reuseRuleOf({ inplace = false, overwrites }: TensorJson, operation: Operation | null): ReuseRule | undefined {
  if (overwrites === undefined && inplace === (operation?.reusesAny ?? false)) return undefined;
  return { reusesAny: inplace, operands: [...(overwrites ?? operation?.overwrites ?? [])] };
}

/** Every tensor once; leafs need nothing, nodes need leafs and earlier nodes. */
function checkLists(rows: readonly TensorJson[], leafs: readonly number[], nodes: readonly number[]): void {
  const position = new Float64Array(rows.length).fill(NaN);
  const place = (id: number, at: number, culprit: string): void => {
    if (!Number.isNaN(position[id])) {
      const found = `${id} (${rows[id].name})`;
      fail(
        'LISTED_TWICE',
        `${named(culprit)} lists tensor ${found} a second time.`,
        culprit,
        found,
        'a tensor that is not listed yet',
      );
    }
    position[id] = at;
  };
  leafs.forEach((id, index) => place(id, -1, `leafs[${index}]`));
  nodes.forEach((id, index) => place(id, index, `nodes[${index}]`));

  position.forEach((at, id) => {
    if (!Number.isNaN(at)) return;
    const culprit = `tensors[${id}] (${rows[id].name})`;
    const message = `${culprit} is neither in leafs[] nor in nodes[].`;
    fail('NOT_LISTED', message, culprit, 'in neither list', 'in leafs[] or nodes[]');
  });
  for (const id of leafs) {
    const { src = [], destination, name } = rows[id];
    const isComputed = src.some((source) => source !== -1) || destination !== undefined;
    expectField(!isComputed, `tensors[${id}] (${name}).src`, src, 'empty, for it is one of leafs[]');
  }

  const checkBefore = (id: number, needed: number | undefined, field: string): void => {
    if (needed === undefined || needed === -1 || needed === id || position[needed] < position[id]) return;
    if (position[id] === -1 && position[needed] === -1) return; // among leafs there is no order
    const found = `${needed} (${rows[needed].name}), computed later`;
    const culprit = `tensors[${id}] (${rows[id].name}).${field}`;
    const message = `${culprit} refers to tensor ${needed} (${rows[needed].name}), which is only computed later.`;
    fail('BAD_ORDER', message, culprit, found, 'a leaf or an earlier node');
  };
  for (const id of [...leafs, ...nodes]) {
    const { src = [], view, destination } = rows[id];
    for (const source of src) checkBefore(id, source, 'src');
    checkBefore(id, view, 'view');
    checkBefore(id, destination, 'destination');
  }
}
