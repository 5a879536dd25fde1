/**
 * Contexts that write down what is asked of them, so that a graph can be printed as the TypeScript that makes it.
 *
 * Invariant: the code makes a graph with the same tensors; calls that the graph does not need are left out.
 */
import { Context } from '../dialects/ggml/context.js';
import { Graph } from '../graph/graph.js';
import { Tensor } from '../tensor/tensor.js';

/** One call of a method of a context. */
interface Call {
  readonly context: string;
  readonly method: string;
  readonly args: readonly unknown[];
  readonly result: unknown;
}

/** How the contexts are made, by the names that the code gives them. */
const CONTEXTS = { ctx: 'deferred', weights: 'virtual', caches: 'immediate' } as const;

export class Recorder {
  readonly #calls: Call[] = [];

  /** A context under a name. What a method of it calls is not written down again. */
  context(name: keyof typeof CONTEXTS): Context {
    const context = Context[CONTEXTS[name]]();
    return new Proxy(context, {
      get: (target, method) => {
        const value: unknown = Reflect.get(target, method, target);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          const result: unknown = Reflect.apply(value, target, args);
          this.#calls.push({ context: name, method: String(method), args, result });
          return result;
        };
      },
    });
  }

  /** An expression that makes the graph of `outputs`; `Context` and `Graph` come from the package. */
  codeOf(outputs: readonly Tensor[]): string {
    const needed = new Set(Graph.forward(outputs).tensors);
    // A tensor in whose place setOutput has returned another is in no graph, but the call names it.
    for (const { args, result } of this.#calls.toReversed()) {
      if (!(result instanceof Tensor) || !needed.has(result)) continue;
      for (const arg of args) if (arg instanceof Tensor) needed.add(arg);
    }
    const names = new Map<Tensor, string>();
    const used = new Set<string>();
    const lines: string[] = [];
    for (const { context, method, args, result } of this.#calls) {
      if (!(result instanceof Tensor) || !needed.has(result)) continue;
      used.add(context);
      const call = `${context}.${method}(${args.map((arg) => codeOfValue(arg, names)).join(', ')})`;
      const isNew = !names.has(result);
      if (isNew) names.set(result, `t${names.size}`);
      const layout = isNew ? ` // ${result.type.name} [${result.ne.join(', ')}]` : '';
      lines.push(`  ${isNew ? `const ${names.get(result)!} = ` : ''}${call};${layout}`);
    }
    const contexts = Object.entries(CONTEXTS).filter(([name]) => used.has(name));
    const head = contexts.map(([name, kind]) => `  const ${name} = Context.${kind}();`);
    const last = `  return Graph.forward(${codeOfValue([...new Set(outputs)], names)});`;
    return ['(() => {', ...head, ...lines, last, '})()'].join('\n');
  }
}

function codeOfValue(value: unknown, names: ReadonlyMap<Tensor, string>): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (value instanceof Tensor) return names.get(value)!;
  if (Array.isArray(value)) return `[${value.map((each) => codeOfValue(each, names)).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return value === undefined ? 'undefined' : JSON.stringify(value);
  const fields = Object.entries(value).map(([key, each]) => `${key}: ${codeOfValue(each, names)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
