/**
 * Every public function, called with something else in the place of each of its arguments: it works or throws a
 * `PlannerError`, never what the engine says. A function that is exported and has no call here fails the test.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ggml from '../src/dialects/ggml/index.js';
import * as root from '../src/index.js';
import * as device from '../src/device/index.js';
import * as exec from '../src/exec/index.js';
import * as gguf from '../src/gguf/index.js';
import * as map from '../src/map/index.js';
import * as diffusion from '../src/models/diffusion/index.js';
import * as models from '../src/models/index.js';
import * as onnx from '../src/onnx/index.js';
import * as autodiff from '../src/autodiff/index.js';
import * as passes from '../src/passes/index.js';
import * as solver from '../src/solver/index.js';
import * as testing from '../src/testing/index.js';
import * as tflite from '../src/tflite/index.js';
import * as training from '../src/training/index.js';
import * as viewer from '../src/viewer/index.js';
import * as webgpu from '../src/webgpu/index.js';
import { shown } from '../src/errors.js';
import { expectSentence } from './support/expect-error.js';
import { KEEPING } from './support/keeping-recipes.js';
import { Maker, OVERWRITING } from './support/operation-recipes.js';
import { projectPath } from './support/shared-data.js';
import { fakeDevice } from './support/webgpu/fake-device.js';

const { ALLOCATORS, Context, Graph, PlannerError } = root;

const GIB = 2 ** 30;

const GPT2_CONFIG = { model_type: 'gpt2', vocab_size: 64, n_embd: 32, n_layer: 1, n_head: 2, n_positions: 16 };
const TRAINING_CASE = {
  model: { family: 'small-gpt', vocab: 64, hidden: 32, layers: 1, heads: 2, ffn: 64, positions: 16 },
  run: { batch: 1, sequence: 8 },
};

type Call = readonly [name: string, fn: (...args: never[]) => unknown, ...args: readonly unknown[]];

const BAD: readonly unknown[] = [
  ...[undefined, null, {}, 'x', 5, [], -1, NaN, true, [null], 5n, Symbol('s')],
  ...[Object.create(null) as object, new Map(), () => 5],
];

/** How an error prints. */
const said = (error: unknown): string => (error instanceof Error ? `${error.name}: ${error.message}` : shown(error));

/** What a call throws or rejects with; null if it works. */
async function thrownBy(work: () => unknown): Promise<unknown> {
  try {
    const result = work();
    // A generator throws when it is asked for its first value.
    if (typeof result === 'object' && result !== null && 'next' in result) (result as Generator).next();
    await result;
    return null;
  } catch (error) {
    return error;
  }
}

/** What is wrong with the answers to a call with a bad value in each position. */
async function faultsOf([name, fn, ...args]: Call): Promise<string[]> {
  const faults: string[] = [];
  const good = await thrownBy(() => fn(...(args as never[])));
  if (good !== null) faults.push(`${name} fails with good arguments: ${said(good)}`);
  for (let position = 0; position < args.length; position++) {
    for (const value of BAD) {
      const error = await thrownBy(() => fn(...(args.with(position, value) as never[])));
      if (error === null) continue;
      const found = `${name}, argument ${position} = ${shown(value)}`;
      if (!(error instanceof PlannerError)) faults.push(`${found}: ${said(error)}`);
      else {
        try {
          expectSentence(error);
        } catch {
          faults.push(`${found} is no sentence: ${error.message} | ${error.culprit}`);
        }
      }
    }
  }
  return faults;
}

/** The methods of an object, as calls. */
const on =
  <T extends object>(owner: T, label: string) =>
  <K extends keyof T & string>(name: K, ...args: unknown[]): Call => [
    `${label}.${name}`,
    (...given: never[]) => (owner[name] as (...given: never[]) => unknown).apply(owner, given),
    ...args,
  ];

const ctx = Context.deferred();
const x = ctx.setInput(ctx.newTensor('f32', [4, 2], 'x'));
const y = ctx.setOutput(ctx.setName(ctx.sqr(x), 'y'));
const own = Context.immediate();
const kept = own.newTensor('f32', [2], 'kept');
const graph = Graph.forward(y);
const trained = own.newTensor('f32', [4, 3], 'trained');
const logits = ctx.mulMat(trained, x);
const loss = ctx.sum(ctx.sqr(logits));
const lossGraph = Graph.forward(loss);
const trainedGraphs = autodiff.trainingGraphs(ctx.mulMat(trained, x), { parameters: [trained] });
const plan = root.planGraph(graph);
const arena = plan.allocate();
const planner = new root.Planner().reserve(graph);
const family = root.planFamily(() => graph, { length: [1, 2] });
const csv = root.parseProblemCsv('id,lower,upper,size\na,0,2,4\nb,1,3,8\n');
const { problem } = csv;
const placement = root.solve(problem);
const header = readFileSync(projectPath('examples/phi-3-mini-4k.gguf'));
const model = await gguf.readGguf(header);

const trainingConfig = { model_type: 'gpt2', vocab_size: 64, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 8 };
const trainingModel = training.modelFromConfig(trainingConfig);
const trainingRun: training.TrainingRun = { batch: 1, sequence: 8 };
const megatronSizes = { sequence: 8, batch: 1, hidden: 8, heads: 2 };
const llmemSizes = {
  initial: 1,
  parameterTensors: [1],
  embeddingWidths: [1],
  layerWidths: [1],
  batch: 1,
  sequence: 1,
  vocabulary: 1,
};
const llmemPaperSizes = {
  base: 1,
  embeddingParameters: 1,
  otherParameters: 1,
  chunk: 1,
  parameterTensors: [1],
  embeddings: 1,
  layers: 1,
  hidden: 1,
  batch: 1,
  sequence: 1,
  vocabulary: 1,
  headBytes: 1,
};
const tfliteBytes = readFileSync(projectPath('examples/audio-preprocessor.tflite'));
const tfliteModel = await tflite.readTflite(tfliteBytes);
const tfliteGraph = tflite.graphFromTflite(tfliteModel);
const tflitePlan = root.planGraph(tfliteGraph);
const machine = models.measureModel(model, { devices: [device.cpuDevice()], ctxSize: 512 });
const projector = { ...model, metadata: { 'general.architecture': 'clip' } };
const onnxFile = readFileSync(projectPath('examples/squeezenet.onnx'));
const onnxModel = await onnx.readOnnx(onnxFile);
const memory = exec.Memory.separate(graph);
const memoryMap = map.memoryMapOf(plan);
const f32 = root.elementType('f32');

const square = ctx.newTensor('f32', [8, 8]);
const volume = ctx.newTensor('f32', [8, 8, 8, 4]);
const kernel = ctx.newTensor('f32', [3, 3, 3, 4]);
const image = ctx.newTensor('f32', [8, 8, 3]);
const onContext = on(ctx, 'ctx');

/** Of the methods that no recipe calls. */
const CALLS_OF_CONTEXT: readonly Call[] = [
  onContext('reshape', x, [8]),
  onContext('transpose', x),
  onContext('dependency', x, y),
  onContext('cpy', x, ctx.newTensor('f16', [8])),
  onContext('addCast', ctx.newTensor('f16', [4, 2]), x, 'f32'),
  onContext('upscale', x, 2, { mode: 'nearest' }),
  onContext('argsortTopK', x, 2),
  onContext('conv1d', ctx.newTensor('f32', [3, 8, 4]), square, { stride: 1 }),
  onContext('conv1dDepthwise', ctx.newTensor('f32', [3, 1, 8]), square, { stride: 1 }),
  onContext('conv2d', kernel, image, { stride: 1 }),
  onContext('conv2dDepthwise', ctx.newTensor('f32', [3, 3, 1, 3]), image, { stride: 1 }),
  onContext('conv3d', kernel, volume, 4, { stride: 1 }),
  onContext('custom', [x], { type: 'f32', ne: [4] }),
  onContext('customResults', [x], { results: [{ type: 'f32', ne: [4] }] }),
  onContext('setName', x, 'x'),
  onContext('setInput', x),
  onContext('setOutput', ctx.sqr(x), ctx.newTensor('f32', [4, 2])),
  ['ctx.data', own.data.bind(own), kept, 'f32'],
  ['ctx.write', own.write.bind(own), kept, [1, 2]],
];

const schedule = device.scheduleGraph(graph, [device.cpuDevice()]);
const planOfSchedule = root.planGraph(schedule.graph, { pools: schedule.pools });

const target = webgpu.webgpuTarget();
const planOfTarget = root.planGraph(graph, { target });
const dispatches = webgpu.dispatchesOf(graph, planOfTarget, target);
const gpu = fakeDevice();
const gpuParts = { arena: new webgpu.GpuArena(gpu), pipelines: new webgpu.PipelineCache(gpu), target };
const gpuProgram = new webgpu.GpuProgram(planOfTarget, gpuParts);
const weight = Context.virtual().newTensor('f32', [2], 'weight');

/** A call for every function of the subpaths, and for the methods of their classes. */
const CALLS: readonly Call[] = [
  ['elementType', root.elementType, 'f32', 'x'],
  ['byteLength', root.byteLength, { type: f32, shape: [4, 2], strides: [4, 16] }, 'x'],
  ['contiguousStrides', root.contiguousStrides, f32, [4, 2], 'x'],
  ['elementCount', root.elementCount, { shape: [4, 2] }],
  ['isContiguous', root.isContiguous, x, 1],
  ['rowSize', root.rowSize, f32, 4, 'x'],
  ['isOperationName', ggml.isOperationName, 'ADD'],
  ['graphToJson', root.graphToJson, graph],
  ['graphFromJson', root.graphFromJson, root.graphToJson(graph)],
  ['createProblem', root.createProblem, [{ size: 4, start: 0, end: 1 }], { stepCount: 4 }],
  ['parseProblemCsv', root.parseProblemCsv, 'id,lower,upper,size\na,0,2,4\n', 1],
  ['formatPlacementCsv', root.formatPlacementCsv, csv, placement.offsets],
  ['liveBytesPerStep', root.liveBytesPerStep, problem],
  ['liveLoad', root.liveLoad, problem],
  ['placeInTiers', solver.placeInTiers, problem, { capacity: 4, traffic: [4, 4] }],
  ['findHazards', root.findHazards, graph],
  ['solve', root.solve, problem, {}],
  ['solveAsync', root.solveAsync, problem, {}],
  ['measureGraph', root.measureGraph, graph, {}],
  ['planGraph', root.planGraph, graph, {}],
  ['planFamily', root.planFamily, () => graph, { length: [1, 2] }, {}],
  ['new Planner', (options?: object) => new root.Planner(options), {}],
  on(planner, 'planner')('reserve', [graph], { given: [] }),
  on(planner, 'planner')('plan', graph),
  on(planner, 'planner')('misfit', graph),
  on(planner.plan(graph), 'reserved')('find', y),
  on(planner.plan(graph), 'reserved')('locate', y),
  on(planner.plan(graph), 'reserved')('allocate', {}),
  on(family, 'family')('at', { length: 1 }),
  on(family, 'family')('plan', graph),
  ['planFromJson', root.planFromJson, graph, plan.toJSON(), {}],
  ['replayPlan', root.replayPlan, graph, plan, {}],
  ['verifyPlan', root.verifyPlan, graph, plan, {}],
  ['verifyPlacement', root.verifyPlacement, problem, placement, {}],
  ...Object.entries(ALLOCATORS).map(([name, each]): Call => [`ALLOCATORS.${name}`, each.place.bind(each), problem, {}]),

  on(Graph, 'Graph')('forward', [y]),
  on(Graph.forward(y), 'graph')('has', y),
  on(Graph.forward(y), 'graph')('expand', y),
  ['new Graph', (parts) => new Graph(parts), { leafs: [x], nodes: [y] }],
  on(plan, 'plan')('find', y),
  on(plan, 'plan')('isKept', plan.tensors[0]),
  on(plan, 'plan')('locate', y),
  on(plan, 'plan')('allocate', {}),
  on(plan, 'plan')('toJSON'),
  on(arena, 'arena')('chunk', 0),
  on(arena, 'arena')('data', y, 'f32'),
  on(arena, 'arena')('elements', y, 'f32'),
  on(arena, 'arena')('result', y, 'f32'),
  on(arena, 'arena')('resultElements', y, 'f32'),
  on(arena.elements(y), 'elements')('get', 1, 1),
  on(arena.elements(y), 'elements')('set', 1, 1, 1),
  on(arena.elements(y), 'elements')('setAll', [1, 2, 3, 4, 5, 6, 7, 8]),
  on(Context, 'Context')('immediate', { buffer: new ArrayBuffer(64) }),
  ...CALLS_OF_CONTEXT,

  ['cpuDevice', device.cpuDevice, {}],
  ['cudaDevice', device.cudaDevice, { totalBytes: GIB }],
  ['metalDevice', device.metalDevice, { totalBytes: GIB }],
  ['vulkanDevice', device.vulkanDevice, { totalBytes: GIB }],
  ['webgpuDevice', device.webgpuDevice, { totalBytes: GIB }],
  ['parseDevice', device.parseDevice, 'cuda:24GiB', 0],
  ['parseDevices', device.parseDevices, ['cuda:24GiB']],
  ['scheduleGraph', device.scheduleGraph, graph, [device.cpuDevice()], {}],
  ['verifySchedule', device.verifySchedule, graph, schedule, {}],
  ['fitModel', models.fitModel, model, [device.cudaDevice({ totalBytes: 24 * GIB })], { ctxSize: 512 }],
  ['fitAsLlamaCpp', models.fitAsLlamaCpp, model, { devices: [device.cudaDevice({ totalBytes: 24 * GIB })] }],
  ['measureModel', models.measureModel, model, { devices: [device.cpuDevice()], ctxSize: 512 }],

  ['describeOutputs', models.describeOutputs, models.measureModel(model).run],
  ['fitContext', models.fitContext, model, 2 ** 40, {}],
  ['gridSize', models.gridSize, { ctxSize: [512] }],
  ['measureModel', models.measureModel, model, { ctxSize: 512 }, {}],
  ['readModel', models.readModel, model],
  ['measureWeights', models.measureWeights, model],
  ['draftOptions', models.draftOptions, { ctxSize: 512 }, machine, { devices: [device.cpuDevice()] }],
  ['mtpOptions', models.mtpOptions, { devices: [device.cpuDevice()], ctxSize: 512 }, machine, {}],
  ['memoryTable', models.memoryTable, machine],
  ['measureProjector', models.measureProjector, projector, { devices: [device.cpuDevice()] }],
  ['commandOf', models.commandOf, 'model.gguf', { devices: [device.cudaDevice({ totalBytes: 24 * GIB })] }],
  ['shellCommand', models.shellCommand, ['llama-cli', '-m', 'model.gguf']],
  ['withCpu', device.withCpu, [device.cudaDevice({ totalBytes: 24 * GIB })]],
  ['sumByDevice', models.sumByDevice, machine.devices, machine.buffers],
  ['measureDiffusion', diffusion.measureDiffusion, { model: 'sd1.5', width: 512, height: 512 }, {}],
  ['identifyDiffusionModel', diffusion.identifyDiffusionModel, model],
  ['sweepModel', models.sweepModel, model, { ctxSize: [512] }, {}],
  ['sweepModel', models.sweepModel, model, { devices: [[device.cudaDevice({ totalBytes: 24 * GIB })]] }, {}],
  ['renderMap', map.renderMap, plan, {}],
  ['memoryMapOf', map.memoryMapOf, problem, placement],
  ['memoryMapOf', map.memoryMapOf, plan],
  ['readGguf', gguf.readGguf, header],
  ['readOnnx', onnx.readOnnx, onnxFile],
  ['graphFromOnnx', onnx.graphFromOnnx, onnxModel, {}],
  ['inferShapes', onnx.inferShapes, onnxModel, {}],
  ['openDims', onnx.openDims, onnxModel],
  ['readTflite', tflite.readTflite, tfliteBytes],
  ['graphFromTflite', tflite.graphFromTflite, tfliteModel, { inputs: {}, convention: 'tflite' }],
  ['inFileOrder', tflite.inFileOrder, tfliteGraph, tflite.tfliteGreedy],
  ['offlinePlanOf', tflite.offlinePlanOf, tflitePlan],
  ['writeOfflinePlan', tflite.writeOfflinePlan, tflitePlan],
  ['readOfflinePlan', tflite.readOfflinePlan, tfliteModel],

  ['executeGraph', exec.executeGraph, graph, memory],
  ['whyNotExecutable', exec.whyNotExecutable, graph],
  ['fillLeafs', exec.fillLeafs, graph, memory, 1],
  ['fillSchedule', exec.fillSchedule, graph, schedule, exec.Memory.separate(schedule.graph), 1],
  ['new Elements', (layout, storage, start) => new exec.Elements(layout, storage, start), y, new Uint8Array(32), 0],
  on(exec.Memory, 'Memory')('separate', graph),
  on(exec.Memory, 'Memory')('planned', graph, plan),
  on(memory, 'memory')('elements', y),
  on(memory, 'memory')('storage', y),
  on(memory, 'memory')('poisonTail', y),
  on(exec.Memory.separate(graph), 'memory')('keepFor', y, [1]),
  on(memory, 'memory')('deliver', y),
  on(memory, 'memory')('read', y),
  on(memory, 'memory')('write', y, [1, 2]),

  ['gradients', autodiff.gradients, lossGraph, loss, [trained], {}],
  ['findGradientRule', autodiff.findGradientRule, y.operation],
  ['trainingGraphs', autodiff.trainingGraphs, logits, { parameters: [trained] }],
  ['adamwSettings', autodiff.adamwSettings, 1, {}],
  ['trainingBuffers', autodiff.trainingBuffers, trainedGraphs, {}],

  ['orderGraph', passes.orderGraph, graph, {}],
  ['orderGraphAsync', passes.orderGraphAsync, graph, {}],
  ['runWritesEarly', passes.runWritesEarly, graph],
  ['recomputeGraph', passes.recomputeGraph, graph, { budgetBytes: 1 }],
  ['recomputeGraphAsync', passes.recomputeGraphAsync, graph, { budgetBytes: 1 }],
  ['fitGraph', passes.fitGraph, graph, 1, {}],
  ['fitGraphAsync', passes.fitGraphAsync, graph, 1, {}],
  ['splitGraph', passes.splitGraph, graph, {}],
  ['verifyEquivalent', passes.verifyEquivalent, graph, passes.orderGraph(graph), {}],

  ['measureTraining', training.measureTraining, trainingModel, trainingRun, {}],
  ['builtInModel', training.builtInModel, 'opt-125m'],
  ['modelFromConfig', training.modelFromConfig, GPT2_CONFIG, 'tiny'],
  ['modelFromGguf', training.modelFromGguf, model],
  ['trainingCaseFromJson', training.trainingCaseFromJson, TRAINING_CASE],
  ['trainingStep', training.trainingStep, trainingModel, trainingRun, 'first'],
  ['measureDistributed', training.measureDistributed, trainingModel, trainingRun, {}, {}],
  ['fitTraining', training.fitTraining, trainingModel, trainingRun, { gpu: 2 * GIB }],
  ['publishedEstimates', training.publishedEstimates, trainingModel, trainingRun, {}],
  ['ruleOfThumb', training.ruleOfThumb, { parameters: 1 }],
  ['deepspeedZero2', training.deepspeedZero2, { parameters: 1 }],
  ['deepspeedZero3', training.deepspeedZero3, { parameters: 1, largestLayer: 1 }],
  ['megatronBytesPerParameter', training.megatronBytesPerParameter, 2],
  ['megatronLayerActivations', training.megatronLayerActivations, 'full', megatronSizes],
  ['megatronActivations', training.megatronActivations, { ...megatronSizes, layers: 2, vocabulary: 64 }],
  ['llmem', training.llmem, llmemSizes],
  ['llmemPaper', training.llmemPaper, llmemPaperSizes],
  ['dnnmem', training.dnnmem, { weights: [1], outputs: [1] }],
  ['cudaCard', training.cudaCard, 'T4'],
  ['simulateCachingAllocator', training.simulateCachingAllocator, { sizes: [1], order: [0, -1] }, {}],
  ['eventsOfProblem', training.eventsOfProblem, problem],

  ['counted', viewer.counted, 3, 'byte', 'bytes'],
  ['groupDigits', viewer.groupDigits, 3],
  ['humanBytes', viewer.humanBytes, 3],
  ['renderMapHtml', viewer.renderMapHtml, plan, {}],
  ['serveMap', (of) => viewer.serveMap(of).port.close(), memoryMap],
  ['openMap', (served) => viewer.openMap(served).close(), viewer.serveMap(memoryMap)],

  ['webgpuTarget', webgpu.webgpuTarget, {}, {}],
  ['planGraph', root.planGraph, graph, { target }],
  ['bindingsOf', webgpu.bindingsOf, planOfTarget, y, target],
  ['dispatchesOf', webgpu.dispatchesOf, graph, planOfTarget, target],
  ['transferOf', webgpu.transferOf, planOfTarget, y],
  ['verifyDispatches', webgpu.verifyDispatches, graph, planOfTarget, dispatches, {}],
  ['whyNotExecutableOnWebGpu', webgpu.whyNotExecutableOnWebGpu, graph],
  ['new GpuArena', (of) => new webgpu.GpuArena(of), fakeDevice()],
  ['new PipelineCache', (of) => new webgpu.PipelineCache(of), fakeDevice()],
  ['new GpuProgram', (of, options) => new webgpu.GpuProgram(of, options), planOfTarget, gpuParts],
  ['new GpuProgram', (of, arena) => new webgpu.GpuProgram(of, { ...gpuParts, arena }), planOfTarget, gpuParts.arena],
  ['new GpuProgram', (of, target) => new webgpu.GpuProgram(of, { ...gpuParts, target }), planOfTarget, target],
  on(gpuParts.arena, 'gpuArena')('reserve', [256]),
  on(gpuParts.arena, 'gpuArena')('bufferOf', weight),
  on(gpuParts.arena, 'gpuArena')('upload', weight, new Float32Array(2)),
  on(gpuParts.arena, 'gpuArena')('download', weight),
  on(gpuProgram, 'gpuProgram')('write', x, new Float32Array(8)),
  on(gpuProgram, 'gpuProgram')('read', y, 'f32'),
  ['verifyWebGpuCommands', webgpu.verifyWebGpuCommands, [{ kind: 'dispatch', bindings: [] }], new Map(), {}],

  ['arbitraryGraph', (options) => void fc.sample(testing.arbitraryGraph(options), 1), {}],
  ['arbitraryProblem', (options) => void fc.sample(testing.arbitraryProblem(options), 1), {}],
  ['arbitraryLimitedProblem', (options) => void fc.sample(testing.arbitraryLimitedProblem(options), 1), {}],
  ['describeGraph', testing.describeGraph, graph],
  ['assertPlanCorrect', testing.assertPlanCorrect, graph, plan, {}],
  ['compareExecutions', testing.compareExecutions, graph, plan, 1],
  ['compareScheduled', testing.compareScheduled, graph, schedule, planOfSchedule, 1],
];

/** Every call that a method of `Context` gets while the recipes of all operations make a node. */
function callsOfContext(): Call[] {
  const calls = new Map<string, Call>();
  const recorded = Context.deferred();
  for (const name of methodsOf(recorded)) {
    const method = (recorded as unknown as Record<string, (...args: unknown[]) => unknown>)[name];
    Object.defineProperty(recorded, name, {
      value: (...args: unknown[]) => {
        if ((calls.get(name)?.length ?? 0) < args.length + 2)
          calls.set(name, [`ctx.${name}`, method.bind(recorded), ...args]);
        return method.apply(recorded, args);
      },
    });
  }
  class Recorder extends Maker {
    override readonly ctx = recorded;
  }
  const all = fc
    .gen()
    .map((gen) => Object.values({ ...OVERWRITING, ...KEEPING }).map((recipe) => recipe(new Recorder(gen))));
  fc.sample(all, { numRuns: 8, seed: 1 });
  return [...calls.values()];
}

/** The names of all public methods of an object's class and of those that it inherits from. */
function methodsOf(owner: object): string[] {
  const names: string[] = [];
  for (
    let proto: object = Object.getPrototypeOf(owner) as object;
    proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto) as object
  ) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
      if (name !== 'constructor' && name !== 'apply' && typeof value === 'function') names.push(name);
    }
  }
  return [...new Set(names)];
}

describe('every public function', () => {
  it.each(CALLS.map((call) => [call[0], call] as const))('%s answers anything with a sentence', async (_, call) => {
    expect(await faultsOf(call)).toEqual([]);
  });

  it.each(callsOfContext().map((call) => [call[0], call] as const))(
    '%s answers anything with a sentence',
    async (_, call) => {
      expect(await faultsOf(call)).toEqual([]);
    },
  );
});

describe('nothing is left out:', () => {
  const called = new Set([...CALLS, ...callsOfContext()].map(([name]) => name));
  it('all functions that are exported', () => {
    const exported = [
      root,
      autodiff,
      device,
      diffusion,
      exec,
      gguf,
      map,
      models,
      passes,
      solver,
      testing,
      tflite,
      training,
      viewer,
      webgpu,
    ].flatMap((each) => Object.entries(each) as [string, unknown][]);
    const functions = exported
      .filter(([name, value]) => typeof value === 'function' && /^[a-z]/.test(name))
      .map(([name]) => name);
    expect(functions.filter((name) => !called.has(name))).toEqual([]);
  });

  it('all methods of a context', () => {
    expect(methodsOf(Context.deferred()).filter((name) => !called.has(`ctx.${name}`))).toEqual([]);
  });
});
