/**
 * Calls everything that the installed package exports, of every subpath, in the format in which it was loaded. What is
 * exported and not called here is a fault, so that nothing new goes unnoticed.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/**
 * @param load loads a module by its name, as `import` or `require` does
 * @param model path of a GGUF file
 */
export async function exerciseAll(load, model) {
  const library = await load('tensor-arena');
  const gguf = await load('tensor-arena/gguf');
  const map = await load('tensor-arena/map');
  const models = await load('tensor-arena/models');
  const exec = await load('tensor-arena/exec');
  const autodiff = await load('tensor-arena/autodiff');
  const passes = await load('tensor-arena/passes');
  const solver = await load('tensor-arena/solver');
  const viewer = await load('tensor-arena/viewer');
  const webgpu = await load('tensor-arena/webgpu');
  const ggml = await load('tensor-arena/ggml');
  const device = await load('tensor-arena/device');
  const diffusion = await load('tensor-arena/models/diffusion');
  const onnx = await load('tensor-arena/onnx');
  const tflite = await load('tensor-arena/tflite');
  const training = await load('tensor-arena/training');
  const header = await exerciseGguf(gguf, library, model);
  await callEach('tensor-arena/onnx', onnx, callsOfOnnx(library));
  await callEach('tensor-arena', library, callsOfLibrary(library));
  await callEach('tensor-arena/solver', solver, callsOfSolver(solver, library));
  await callEach('tensor-arena/models', models, callsOfModels(models, library, device, header));
  await callEach('tensor-arena/models/diffusion', diffusion, callsOfDiffusion(diffusion, header));
  await callEach('tensor-arena/device', device, callsOfDevice(device, library));
  await callEach('tensor-arena/map', map, callsOfMap(map, library));
  await callEach('tensor-arena/ggml', ggml, {
    isOperationName: (isName) => assert.deepEqual(['RMS_NORM', 'NONE'].map(isName), [true, false]),
  });
  await callEach('tensor-arena/exec', exec, callsOfExec(exec, device, library));
  await callEach('tensor-arena/autodiff', autodiff, callsOfAutodiff(autodiff, library));
  await callEach('tensor-arena/passes', passes, callsOfPasses(passes, library));
  await callEach('tensor-arena/viewer', viewer, callsOfViewer(viewer, map, library));
  await callEach('tensor-arena/webgpu', webgpu, callsOfWebGpu(webgpu, library));
  await callEach('tensor-arena/training', training, callsOfTraining(training, library, header));
  await callEach('tensor-arena/tflite', tflite, await callsOfTflite(tflite, library, model));
}

/** A model of a few kilobytes. */

/** The model of TFLite is beside the GGUF file. */
async function callsOfTflite(tflite, { createProblem, measureGraph, planGraph, PlannerError }, gguf) {
  const file = gguf.replace(/[^/\\]*$/, 'audio-preprocessor.tflite');
  const model = await tflite.readTflite(file);
  const graph = tflite.graphFromTflite(model);
  const options = { alignment: 16, reuse: 'off', runtime: 'none' };
  const plan = planGraph(graph, options);
  const problem = createProblem([
    { size: 64, start: 0, end: 2 },
    { size: 32, start: 1, end: 3 },
  ]);
  const places = (allocator) => assert.equal(allocator.place(problem).chunks[0], 96);
  return {
    readTflite: async (readTflite) => {
      assert.equal((await readTflite(await readFile(file))).subgraphs[0].operators.length, 22);
      await assert.rejects(readTflite('absent.tflite'), PlannerError);
    },
    graphFromTflite: () => assert.ok(graph.nodes.length >= 22),
    TFLITE_CONVENTIONS: (conventions) => assert.equal(conventions.tflite.alignment, 64),
    inFileOrder: (inFileOrder) => {
      const allocator = inFileOrder(graph, tflite.tfliteMicroGreedy);
      assert.ok(measureGraph(graph, { ...options, allocator }).bufferSize >= plan.bufferSize);
    },
    offlinePlanOf: (offlinePlanOf) => assert.equal(offlinePlanOf(plan).offsets.length, 1),
    writeOfflinePlan: async (write) => {
      const planned = await tflite.readTflite(write(plan));
      assert.deepEqual(tflite.readOfflinePlan(planned), tflite.offlinePlanOf(plan));
    },
    readOfflinePlan: (read) => assert.equal(read(model), null),
    executorchGreedy: places,
    tfliteGreedy: places,
    tfliteMicroGreedy: places,
  };
}

/** `tensor-arena/testing`, which needs fast-check beside it. */
export async function exerciseTesting(load) {
  const library = await load('tensor-arena');
  const testing = await load('tensor-arena/testing');
  await callEach(
    'tensor-arena/testing',
    testing,
    callsOfTesting(testing, await load('tensor-arena/device'), library, await load('fast-check')),
  );
}

async function callEach(name, module, calls) {
  const exported = Object.keys(module).filter((key) => key !== 'default' && key !== 'module.exports');
  assert.deepEqual(Object.keys(calls).sort(), exported.sort(), `${name}: what is called, and what is exported`);
  for (const [key, call] of Object.entries(calls)) {
    try {
      // Consoles print the name of a class: bundling must not change it.
      if (/^[A-Z]/.test(key) && typeof module[key] === 'function') assert.equal(module[key].name, key);
      await call(module[key]);
    } catch (error) {
      throw new Error(`${name}: ${key}`, { cause: error });
    }
  }
}

/** A PlannerError of one subpath is that of every other. */
function throwsPlannerError({ PlannerError }, call) {
  assert.throws(call, (error) => error instanceof PlannerError && error.code === 'BAD_ARGUMENT');
}

async function exerciseGguf(gguf, library, model) {
  let header;
  await callEach('tensor-arena/gguf', gguf, {
    readGguf: async (readGguf) => {
      header = await readGguf(model);
      assert.deepEqual(await readGguf(await readFile(model)), { ...header, name: 'GGUF data' });
      await assert.rejects(readGguf('absent.gguf'), library.PlannerError);
    },
  });
  return header;
}

/** A model of one node, `y = relu(x)`, by its bytes: version, operations of version 18, and the graph. */
const ONNX_FILE = new Uint8Array([
  ...[8, 9, 66, 2, 16, 18, 58, 32],
  ...[10, 12, 10, 1, 120, 18, 1, 121, 34, 4, 82, 101, 108, 117],
  ...[90, 11, 10, 1, 120, 18, 6, 10, 4, 8, 1, 18, 0],
  ...[98, 3, 10, 1, 121],
]);

function callsOfOnnx({ measureGraph, PlannerError }) {
  let model;
  return {
    readOnnx: async (readOnnx) => {
      model = await readOnnx(ONNX_FILE);
      assert.equal(model.nodeCount, 1);
      await assert.rejects(readOnnx('absent.onnx'), PlannerError);
    },
    graphFromOnnx: (graphFromOnnx) => assert.equal(measureGraph(graphFromOnnx(model)).bufferSize, 32),
    inferShapes: (inferShapes) => assert.equal(inferShapes(model)[0].op, 'Relu'),
    openDims: (openDims) => assert.deepEqual(openDims(model), []),
  };
}

/** A network whose plan shares bytes: 64 inputs, a hidden row, and a sum with the input. */
function network({ Context, Graph }) {
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [64, 8], 'x'));
  const w = ctx.setInput(ctx.newTensor('f32', [64, 64], 'w'));
  const y = ctx.setOutput(ctx.add(x, ctx.mulMat(w, ctx.relu(ctx.rmsNorm(x, 1e-5)))));
  return { graph: Graph.forward(y), x, y };
}

function callsOfLibrary(library) {
  const { ALLOCATORS, Context, createProblem, ELEMENT_TYPES, planGraph, PlannerError } = library;
  const { graph, x, y } = network(library);
  const plan = planGraph(graph);
  const problem = createProblem([
    { size: 64, start: 0, end: 2 },
    { size: 32, start: 1, end: 3, alignment: 32 },
    { size: 64, start: 2, end: 4 },
  ]);
  const solution = library.solve(problem);
  const csv = 'id,lower,upper,size\na,0,2,64\nb,1,3,32\n';
  return {
    ALLOCATORS: (allocators) => {
      for (const [name, allocator] of Object.entries(allocators)) {
        assert.equal(allocator.place(problem).offsets.length, 3, name);
        assert.ok(planGraph(graph, { allocator: name }).bufferSize >= plan.lowerBound, name);
      }
    },
    Context: () => {
      const results = [1, 2].map((rows) => ({ type: 'f32', ne: [64, rows] }));
      const [first, second] = Context.deferred().customResults([x], { op: 'SPLIT', results });
      assert.equal(second.viewOffset, first.byteLength);
      assert.equal(Context.immediate().newTensor('f32', [4]).byteLength, 16);
      assert.equal(Context.virtual().newTensor('q8_0', [32]).byteLength, 34);
    },
    ELEMENT_TYPES: (types) => assert.equal(types.f32.name, 'f32'),
    ERROR_CODES: (codes) => assert.match(codes.BAD_ARGUMENT, /range/),
    Graph: (Graph) => assert.equal(Graph.forward(y).nodes.length, graph.nodes.length),
    Plan: (Plan) => {
      assert.ok(plan instanceof Plan);
      assert.equal(plan.allocate().data(x, 'f32').length, 512);
      assert.ok(plan.toJSON().tensors.length > 0);
    },
    Planner: (Planner) => assert.equal(new Planner().reserve(graph).plan(graph).bufferSize, plan.bufferSize),
    PlannerError: () => assert.throws(() => createProblem([{ size: -1, start: 0, end: 2 }]), PlannerError),
    RUNTIMES: (runtimes) => assert.ok(runtimes['ggml-cpu'].fusions.length > 0),
    byteLength: (byteLength) => assert.equal(byteLength(x), 2048),
    contiguousStrides: (strides) => assert.deepEqual(strides(ELEMENT_TYPES.f32, [2, 3, 1, 1]), [4, 8, 24, 24]),
    createProblem: () => assert.equal(problem.bufferCount, 3),
    elementCount: (elementCount) => assert.equal(elementCount(x), 512),
    elementType: (elementType) => assert.equal(elementType('f16'), ELEMENT_TYPES.f16),
    findHazards: (findHazards) => assert.deepEqual(findHazards(graph), []),
    formatPlacementCsv: (format) => assert.match(format(library.parseProblemCsv(csv), [0, 64]), /b,1,3,32,64/),
    graphFromJson: (read) => assert.equal(read(library.graphToJson(graph)).nodes.length, graph.nodes.length),
    graphToJson: (write) => assert.equal(write(graph).format, 'tensor-graph'),
    isContiguous: (isContiguous) => assert.ok(isContiguous(x)),
    liveBytesPerStep: (liveBytes) => assert.deepEqual([...liveBytes(problem)], [64, 96, 96, 64]),
    liveLoad: (liveLoad) => assert.equal(liveLoad(problem).bytes, 96),
    measureGraph: (measureGraph) => assert.equal(measureGraph(graph).bufferSize, plan.bufferSize),
    parseProblemCsv: (parse) => assert.equal(parse(csv).problem.bufferCount, 2),
    planFamily: (planFamily) => assert.equal(planFamily(() => graph, { rows: [1, 2] }).findUncovered(), null),
    planFromJson: (read) => assert.equal(read(graph, plan.toJSON()).locate(x).offset, plan.locate(x).offset),
    planGraph: () => assert.ok(plan.bufferSize > 0 && plan.bufferSize < graph.tensors.length * 2048 + 16384),
    replayPlan: (replayPlan) => assert.deepEqual(replayPlan(graph, plan), []),
    rowSize: (rowSize) => assert.equal(rowSize(ELEMENT_TYPES.f32, 64), 256),
    solve: () => assert.equal(solution.bufferSize, 96),
    solveAsync: async (solveAsync) => assert.equal((await solveAsync(problem)).bufferSize, 96),
    verifyPlacement: (verify) => assert.deepEqual(verify(problem, solution), []),
    verifyPlan: (verify) => assert.deepEqual(verify(graph, plan), []),
  };
}

/** One device of each kind, and a graph that is spread over two. */
function callsOfDevice(device, { Context, Graph, planGraph }) {
  const gib = 2 ** 30;
  const ctx = Context.deferred();
  const x = ctx.setInput(ctx.newTensor('f32', [256, 4], 'x'));
  const weight = Context.virtual().newTensor('f32', [256, 256], 'w');
  const y = ctx.setOutput(ctx.mulMat(weight, x));
  return {
    COMPUTE_CAPABILITIES: (known) => assert.ok(known.includes(8.6)),
    PROFILE_NAMES: (names) => assert.ok(names.includes('cuda')),
    cpuDevice: (cpuDevice) => assert.equal(cpuDevice().name, 'CPU'),
    cudaDevice: (cudaDevice) => assert.equal(cudaDevice({ totalBytes: gib }).name, 'CUDA0'),
    metalDevice: (metalDevice) => assert.equal(metalDevice({ totalBytes: gib }).name, 'MTL0'),
    parseDevice: (parse) => assert.equal(parse('cuda:24GiB').totalBytes, 24 * gib),
    withCpu: (withCpu) => assert.equal(withCpu([device.metalDevice({ totalBytes: gib })])[1].name, 'CPU'),
    parseDevices: (parse) => assert.equal(parse(['cuda:1GiB', 'cuda:2GiB'])[1].name, 'CUDA1'),
    scheduleGraph: (scheduleGraph) => {
      const devices = [device.cudaDevice({ totalBytes: gib }), device.cpuDevice()];
      const placed = new Map([[weight, devices[0].bufferType]]);
      const schedule = scheduleGraph(Graph.forward(y), devices, { placed, weights: new Set([weight]) });
      assert.deepEqual(
        schedule.splits.map((split) => split.device),
        [0],
      );
      const { pools } = planGraph(schedule.graph, { pools: schedule.pools });
      assert.deepEqual(
        pools.map((pool) => [pool.name, pool.bufferSize]),
        [
          ['CUDA0', 8192],
          ['CPU', 4096],
        ],
      );
    },
    verifySchedule: (verify) => {
      const graph = Graph.forward(y);
      assert.deepEqual(verify(graph, device.scheduleGraph(graph, [device.cpuDevice()])), []);
    },
    vulkanDevice: (vulkanDevice) => assert.equal(vulkanDevice({ totalBytes: gib }).name, 'Vulkan0'),
    webgpuDevice: (webgpuDevice) => assert.equal(typeof webgpuDevice({ totalBytes: gib }).name, 'string'),
  };
}

function callsOfWebGpu(webgpu, library) {
  const noDevice = (make) => throwsPlannerError(library, make);
  const ctx = library.Context.deferred();
  const y = ctx.setOutput(ctx.cumsum(ctx.setInput(ctx.newTensor('f32', [64], 'x'))));
  const graph = library.Graph.forward(y);
  const target = webgpu.webgpuTarget(webgpu.GUARANTEED_LIMITS);
  const plan = library.planGraph(graph, { target });
  const dispatches = webgpu.dispatchesOf(graph, plan, target);
  return {
    GUARANTEED_LIMITS: (limits) => assert.equal(limits.maxStorageBuffersPerShaderStage, 8),
    GpuArena: (Arena) => noDevice(() => new Arena(null)),
    GpuProgram: (Program) => noDevice(() => new Program(plan, {})),
    PipelineCache: (Cache) => noDevice(() => new Cache(null)),
    WEBGPU: (runtime) => assert.deepEqual(runtime.reuses.ADD, [0, 1]),
    bindingsOf: (of) => assert.equal(of(plan, y, target).bindings.length, 2),
    dispatchesOf: () => assert.equal(dispatches.length, 1),
    transferOf: (of) => assert.equal(of(plan, y).size, 256),
    verifyDispatches: (verify) => assert.deepEqual(verify(graph, plan, dispatches), []),
    verifyWebGpuCommands: (verify) => {
      const copy = { kind: 'copy', source: { buffer: 0, offset: 0 }, target: { buffer: 0, offset: 256 }, size: 4 };
      assert.equal(verify([copy], new Map([[0, 512]]))[0].rule, 'copy-within-buffer');
    },
    webgpuTarget: () => assert.equal(plan.alignment, 256),
    whyNotExecutableOnWebGpu: (why) => assert.match(why(graph), /CUMSUM/),
  };
}

/** Whatever the solver exports is what the library exports under that name. */
function callsOfSolver(solver, library) {
  const isSame = (name) => [name, (value) => assert.equal(value, library[name])];
  const problem = solver.createProblem([
    { size: 64, start: 0, end: 2 },
    { size: 32, start: 1, end: 3, alignment: 32 },
  ]);
  const solution = solver.solve(problem);
  return {
    ...Object.fromEntries(['ALLOCATORS', 'ERROR_CODES', 'PlannerError', 'createProblem'].map(isSame)),
    ...Object.fromEntries(['formatPlacementCsv', 'liveBytesPerStep', 'parseProblemCsv'].map(isSame)),
    liveLoad: (liveLoad) => assert.equal(liveLoad(problem).bytes, 96),
    placeInTiers: (place) => assert.equal(place(problem, { capacity: 64, traffic: [2, 1] }).slowTraffic, 1),
    solve: () => assert.deepEqual([solution.status, solution.bufferSize], ['optimal', 96]),
    solveAsync: async (solveAsync) => assert.equal((await solveAsync(problem)).bufferSize, 96),
    verifyPlacement: (verify) => assert.deepEqual(verify(problem, solution), []),
  };
}

function callsOfModels(models, { planGraph }, { cpuDevice, cudaDevice }, header) {
  const gpu = cudaDevice({ totalBytes: 8 * 2 ** 30 });
  const options = { ctxSize: 256 };
  const measured = models.measureModel(header, options);
  const machine = models.measureModel(header, { devices: [gpu, cpuDevice()], ...options });
  const projector = { name: 'p', metadata: { 'general.architecture': 'clip' }, tensors: header.tensors };
  return {
    CACHE_TYPES: (types) => assert.ok(types.includes('q8_0')),
    LLAMA_CPP_BUILD: (build) => assert.ok(build > 0),
    LLAMA_CPP_COMMIT: (commit) => assert.match(commit, /^[0-9a-f]{9,40}$/),
    LLAMA_CPP_PLAN: (options) => assert.equal(planGraph(measured.graph, options).bufferSize, measured.compute),
    MODEL_PLANS: ({ auto }) => assert.equal(planGraph(measured.graph, auto).bufferSize, measured.computeWithAuto),
    POOLINGS: (names) => assert.ok(names.includes('mean')),
    PROGRAMS: (programs) => assert.equal(programs.server.isServing, true),
    draftOptions: (draftOptions) => assert.equal(draftOptions(options, machine, { devices: [gpu] }).outputs, 4),
    mtpOptions: (mtpOptions) => assert.equal(mtpOptions({ devices: [gpu], ...options }, machine).contextType, 'mtp'),
    memoryTable: (memoryTable) => assert.equal(memoryTable(machine)[0].name, 'CUDA0'),
    measureProjector: (measure) => assert.equal(measure(projector, { devices: [gpu] }).buffers[0].type.name, 'CUDA0'),
    commandOf: (command) => assert.equal(command('m.gguf', { devices: [gpu] })[0], 'llama-server'),
    shellCommand: (shell) => assert.equal(shell(['llama-cli', '-m', 'a b']), 'llama-cli -m "a b"'),
    sumByDevice: (sum) => assert.deepEqual(sum(machine.devices, machine.buffers), machine.devices),
    describeOutputs: (describe) => assert.match(describe(measured.run), /logits/),
    fitAsLlamaCpp: (fit) => assert.equal(fit(header, { devices: [gpu], ...options }).status, 'success'),
    fitModel: (fit) => assert.ok(fit(header, [gpu], {}).points.length > 0),
    fitContext: (fit) => assert.equal(typeof fit(header, 2 ** 34, options), 'object'),
    gridSize: (gridSize) => assert.equal(gridSize({ ctxSize: [256, 512] }), 2),
    measureModel: () => assert.ok(measured.compute > 0),
    readModel: (readModel) => assert.equal(models.measureModel(readModel(header), options).total, measured.total),
    measureWeights: (measureWeights) => assert.ok(measureWeights(header) > 0),
    sweepModel: (sweep) => {
      assert.equal([...sweep(header, { ctxSize: [256, 512] })].length, 2);
      assert.equal([...sweep(header, { devices: [[gpu]], gpuLayers: [0, 1] })].length, 2);
    },
  };
}

function callsOfDiffusion({ DIFFUSION_MODELS }, header) {
  return {
    DIFFUSION_MODELS: (models) => assert.equal(models.sdxl.pixelsPerLatent, 8),
    DIFFUSION_TYPES: (types) => assert.ok(types.includes('q8_0')),
    STABLE_DIFFUSION_CPP_COMMIT: (commit) => assert.match(commit, /^[0-9a-f]{7,40}$/),
    identifyDiffusionModel: (identify) => assert.equal(identify(header), null),
    measureDiffusion: (measure) => {
      const { vae, diffusion } = measure({ model: DIFFUSION_MODELS['sd1.5'], width: 512, height: 512 });
      assert.ok(vae.decodeTiled.compute < vae.decode.compute);
      assert.equal(diffusion[0].weightCount, 686);
    },
  };
}

function callsOfMap({ memoryMapOf }, library) {
  const plan = library.planGraph(network(library).graph);
  const problem = library.createProblem([{ size: 64, start: 0, end: 2 }]);
  return {
    MAP_FAMILIES: (families) => assert.ok(families.includes('matrix')),
    memoryMapOf: () => {
      assert.ok(memoryMapOf(plan).boxes.length > 0);
      assert.equal(memoryMapOf(problem, library.solve(problem)).boxes.length, 1);
    },
    renderMap: (renderMap) => assert.match(renderMap(plan), /^<svg/),
  };
}

function callsOfExec({ fillLeafs, executeGraph, Memory }, { cpuDevice, scheduleGraph }, library) {
  const { graph, y } = network(library);
  const filled = (memory) => {
    fillLeafs(graph, memory, 1);
    return memory;
  };
  return {
    Elements: (Elements) => assert.ok(Memory.separate(graph).elements(y) instanceof Elements),
    Memory: () => throwsPlannerError(library, () => Memory.planned(graph, null)),
    executeGraph: () => {
      const memory = filled(Memory.planned(graph, library.planGraph(graph)));
      executeGraph(graph, memory);
      assert.ok(memory.read(y).every(Number.isFinite));
    },
    fillLeafs: () => {
      const memory = filled(Memory.separate(graph));
      assert.ok(graph.leafs.every((leaf) => memory.read(leaf).every(Number.isFinite)));
    },
    fillSchedule: (fillSchedule) => {
      const schedule = scheduleGraph(graph, [cpuDevice()]);
      const memory = Memory.separate(schedule.graph);
      fillSchedule(graph, schedule, memory);
      executeGraph(schedule.graph, memory);
    },
    whyNotExecutable: (whyNot) => assert.equal(whyNot(graph), null),
  };
}

function callsOfViewer({ serveMap }, { memoryMapOf }, library) {
  const plan = library.planGraph(network(library).graph);
  const map = memoryMapOf(plan);
  return {
    // What it shows needs a document; that it is refused without one needs none.
    MapViewer: (MapViewer) => throwsPlannerError(library, () => new MapViewer(null, [])),
    VIEWER_STYLE: (style) => assert.match(style, /\.tav/),
    counted: (counted) => assert.equal(counted(2000, 'node'), '2,000 nodes'),
    groupDigits: (groupDigits) => assert.equal(groupDigits(12345), '12,345'),
    humanBytes: (humanBytes) => assert.equal(humanBytes(2048), '2.00 KiB'),
    openMap: async (openMap) => {
      const opened = openMap(serveMap(map));
      assert.equal((await opened.search('x', 1)).boxes[0].name, 'x');
      opened.close();
    },
    renderMapHtml: (renderMapHtml) => assert.match(renderMapHtml(plan), /^<!doctype html>/i),
    serveMap: () => assert.equal(typeof serveMap, 'function'),
  };
}

function callsOfAutodiff({ trainingGraphs, findGradientRule }, library) {
  const { Context, Graph, planGraph, verifyPlan } = library;
  const ctx = Context.deferred();
  const weight = Context.virtual().newTensor('f32', [4, 3], 'weight');
  const x = ctx.setInput(ctx.newTensor('f32', [4, 2], 'x'));
  const logits = ctx.mulMat(weight, x);
  const loss = ctx.sum(ctx.tanh(logits));
  const training = trainingGraphs(logits, { parameters: [weight] });
  return {
    gradients: (gradients) => {
      const { graph, of } = gradients(Graph.forward(loss), loss, [weight]);
      assert.deepEqual(of.get(weight).shape, [4, 3, 1, 1]);
      assert.deepEqual(verifyPlan(graph, planGraph(graph)), []);
      throwsPlannerError(library, () => gradients(Graph.forward(loss), loss, []));
    },
    trainingGraphs: () => assert.equal(training.step.nodes.at(-1).op, 'OPT_STEP_ADAMW'),
    adamwSettings: (adamwSettings) => assert.equal(adamwSettings(1).length, 7),
    trainingBuffers: (trainingBuffers) => assert.equal(trainingBuffers(training).host.bufferSize, 32),
    findGradientRule: () => assert.equal(findGradientRule(logits.operation).source, 'ggml'),
    GRADIENT_RULES: (rules) => assert.ok(rules.length > 50),
  };
}

function callsOfTraining(training, { createProblem, PlannerError }, header) {
  const config = { model_type: 'gpt2', vocab_size: 64, n_embd: 8, n_layer: 2, n_head: 2, n_positions: 8 };
  const model = training.modelFromConfig(config);
  const run = { batch: 2, sequence: 8 };
  const sizes = { sequence: 8, batch: 1, hidden: 8, heads: 2 };
  const tensors = { parameterTensors: [8], batch: 1, sequence: 8, vocabulary: 64 };
  return {
    BUILT_IN_MODELS: (names) => assert.ok(names.includes('opt-125m')),
    CUDA_CARDS: (cards) => assert.ok(cards.length > 8),
    MEGATRON_LAYERS: (layers) => assert.equal(layers.length, 6),
    builtInModel: (builtInModel) => assert.equal(builtInModel('opt-125m').layers, 12),
    modelFromConfig: () => assert.equal(model.ffn, 32),
    modelFromGguf: (modelFromGguf) => assert.equal(modelFromGguf(header).family, 'phi3'),
    trainingCaseFromJson: (read) => {
      const small = { family: 'small-gpt', vocab: 64, hidden: 32, layers: 1, heads: 2, ffn: 64, positions: 16 };
      assert.equal(read({ model: small, run }).model.headDim, 16);
    },
    trainingStep: (trainingStep) => assert.equal(trainingStep(model, run, 'first').phaseStarts.backward > 0, true),
    measureTraining: (measure) => assert.ok(measure(model, run).steadyPeak > measure(model, run).atRest),
    measureDistributed: (measure) => {
      const { devices } = measure(model, run, { gpus: 2, dataParallel: 'fsdp' });
      assert.equal(devices.length, 2);
      assert.throws(() => measure(model, run, { gpus: 3, tensorParallel: 2 }), PlannerError);
    },
    fitTraining: (fit) => assert.equal(fit(model, run, { gpu: 2 ** 31 }).best.batch, 2),
    publishedEstimates: (estimates) => assert.ok(estimates(model, run).ruleOfThumb > 0),
    ruleOfThumb: (rule) => assert.equal(rule({ parameters: 1 }), 8),
    deepspeedZero2: (zero2) => assert.equal(zero2({ parameters: 10 }).gpu, 200),
    deepspeedZero3: (zero3) => assert.equal(zero3({ parameters: 10, largestLayer: 1 }).gpu, 184),
    megatronBytesPerParameter: (bytes) => assert.equal(bytes(), 18),
    megatronLayerActivations: (layer) => assert.equal(layer('full', sizes), 128),
    megatronActivations: (all) => assert.ok(all({ ...sizes, layers: 2, vocabulary: 64 }) > 0),
    llmem: (llmem) => assert.ok(llmem({ ...tensors, initial: 0, embeddingWidths: [8], layerWidths: [8] }) > 0),
    llmemPaper: (paper) => {
      const more = { base: 0, embeddingParameters: 8, otherParameters: 8, chunk: 8, headBytes: 0 };
      assert.ok(paper({ ...tensors, ...more, embeddings: 1, layers: 1, hidden: 8 }) > 0);
    },
    dnnmem: (dnnmem) => assert.equal(dnnmem({ weights: [512], outputs: [512] }), 1536),
    cudaCard: (cudaCard) => assert.equal(cudaCard('t4').name, 'T4'),
    simulateCachingAllocator: (simulate) => assert.equal(simulate({ sizes: [4], order: [0] }).reservedPeak, 2 ** 21),
    eventsOfProblem: (events) => {
      const problem = createProblem([{ size: 4, start: 0, end: 1 }]);
      assert.deepEqual([...events(problem).order], [0, -1]);
    },
  };
}

function callsOfPasses({ orderGraph, splitGraph, recomputeGraph, fitGraph }, library) {
  const { graph } = network(library);
  const ordered = orderGraph(graph);
  const recomputed = recomputeGraph(graph, { budgetBytes: 1 });
  const fitted = fitGraph(graph, 1);
  return {
    orderGraph: () => assert.ok(ordered.isOptimal && ordered.peak <= ordered.peakBefore),
    orderGraphAsync: async (orderGraphAsync) => assert.equal((await orderGraphAsync(graph)).peak, ordered.peak),
    runWritesEarly: (runWritesEarly) => assert.equal(runWritesEarly(graph).graph.nodes.length, graph.nodes.length),
    recomputeGraph: () => assert.ok(recomputed.peak <= recomputed.peakBefore),
    recomputeGraphAsync: async (recomputeGraphAsync) =>
      assert.equal((await recomputeGraphAsync(graph, { budgetBytes: 1 })).peak, recomputed.peak),
    fitGraph: () => assert.ok(!fitted.fits && fitted.limitedBy !== null),
    fitGraphAsync: async (fitGraphAsync) =>
      assert.equal((await fitGraphAsync(graph, 1)).plan.bufferSize, fitted.plan.bufferSize),
    splitGraph: () => {
      const split = splitGraph(graph);
      assert.ok(split.peak <= split.peakBefore && split.extraOps <= 0.1);
    },
    verifyEquivalent: (verifyEquivalent) => {
      assert.deepEqual(verifyEquivalent(graph, ordered), []);
      assert.deepEqual(verifyEquivalent(graph, recomputed), []);
      assert.deepEqual(verifyEquivalent(graph, splitGraph(graph)), []);
      throwsPlannerError(library, () => verifyEquivalent(graph, null));
    },
  };
}

function callsOfTesting(testing, { cpuDevice, scheduleGraph }, library, { assert: assertProperty, property }) {
  const { arbitraryGraph, arbitraryLimitedProblem, arbitraryProblem, assertPlanCorrect } = testing;
  const { graph } = network(library);
  const plan = library.planGraph(graph);
  const holds = (arbitrary, predicate) => assertProperty(property(arbitrary, predicate), { numRuns: 100 });
  return {
    // Operations of all families: planned, checked and run.
    arbitraryGraph: () => holds(arbitraryGraph(), (drawn) => assertPlanCorrect(drawn, library.planGraph(drawn))),
    arbitraryLimitedProblem: () =>
      holds(arbitraryLimitedProblem(), ({ problem, limits }) => {
        const placement = library.ALLOCATORS.auto.place(problem, limits);
        return library.verifyPlacement(problem, placement, limits).length === 0;
      }),
    arbitraryProblem: () =>
      holds(arbitraryProblem(), (drawn) => library.verifyPlacement(drawn, library.solve(drawn)).length === 0),
    assertPlanCorrect: () => assertPlanCorrect(graph, plan),
    compareExecutions: (compare) => assert.deepEqual(compare(graph, plan), []),
    compareScheduled: (compare) => {
      const schedule = scheduleGraph(graph, [cpuDevice()]);
      const planned = library.planGraph(schedule.graph, { pools: schedule.pools });
      assert.deepEqual(compare(graph, schedule, planned), []);
    },
    describeGraph: (describe) => assert.match(describe(graph), /RMS_NORM/),
  };
}
