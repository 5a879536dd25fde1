import { readOnnx } from './src/onnx/read-onnx.js';
import fs from 'node:fs';
for (const f of fs.readdirSync('../shared/models/onnx')) {
  const bytes = fs.readFileSync('../shared/models/onnx/' + f);
  let m; let best = Infinity;
  for (let i = 0; i < 5; i++) { const t = performance.now(); m = await readOnnx(bytes); best = Math.min(best, performance.now() - t); }
  console.log(f, best.toFixed(1), m!.nodeCount, m!.weights, m!.inputs.map((i) => i.name + JSON.stringify(i.dims)).join(' '));
}
