/**
 * Writes the graph of an attention block as graph JSON: `npx tsx examples/export-graph.ts > examples/attention.json`.
 * The command, the web page and `graphFromJson` read it back.
 */
import { Context, Graph, graphToJson, type Tensor } from 'tensor-arena';

const ctx = Context.deferred();
const weights = Context.virtual();
const named = (tensor: Tensor, name: string): Tensor => Object.assign(tensor, { name });
const weight = (name: string, rows: number, columns: number): Tensor => weights.newTensor('f16', [rows, columns], name);

const x = ctx.setInput(ctx.newTensor('f32', [64, 32], 'x'));
const normed = named(ctx.rmsNorm(x, 1e-5), 'normed');
const query = named(ctx.mulMat(weight('wq', 64, 64), normed), 'query');
const key = named(ctx.mulMat(weight('wk', 64, 64), normed), 'key');
const value = named(ctx.mulMat(weight('wv', 64, 64), normed), 'value');
const attention = named(ctx.softMax(named(ctx.mulMat(key, query), 'scores')), 'attention');
const values = named(ctx.cont(named(ctx.transpose(value), 'value, turned')), 'values');
const residual = named(ctx.add(named(ctx.mulMat(values, attention), 'mixed'), x), 'residual');
const hidden = named(ctx.relu(named(ctx.mulMat(weight('up', 64, 128), residual), 'up')), 'hidden');
const down = named(ctx.mulMat(weight('down', 128, 64), hidden), 'down');
const y = ctx.setOutput(named(ctx.add(down, residual), 'y'));

const { tensors, ...rest } = graphToJson(Graph.forward(y));
const head = JSON.stringify(rest).slice(0, -1);
console.log(`${head},"tensors":[\n${tensors.map((tensor) => JSON.stringify(tensor)).join(',\n')}\n]}`);
