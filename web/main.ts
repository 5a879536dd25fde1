/**
 * The page: one state, what it is asked of the workers, and what is shown of their replies.
 *
 *     form, files, link ──▶ state ──▶ workers ──▶ replies ──▶ results, map
 *                             └──▶ form, address
 */
import { ENDINGS, EXAMPLES, kindOf } from './examples.js';
import { formatLink, parseLink } from './link.js';
import { CPU_ONLY } from './machines.js';
import type { Job, MachineAnswer, PlanAnswer, Reply, Source, UnknownModel } from './messages.js';
import { Address } from './page/address.js';
import { Controls } from './page/controls.js';
import { byId, fillSelect } from './page/elements.js';
import { Exports } from './page/exports.js';
import { listenToFiles } from './page/files.js';
import { showFit } from './page/fit-view.js';
import type { LayerCounts } from './page/layer-bar.js';
import { MachineResults } from './page/machine-results.js';
import { MapView } from './page/map-view.js';
import { showResults, showUnknown } from './page/results.js';
import { updateSummary } from './page/summary.js';
import { isAboutRoom, planDependsOn, type Settings } from './settings.js';
import { WorkerQueue } from './worker-queue.js';

/** The search for what fits takes long, and leaves the processor to the map while a slider moves, milliseconds. */
const FIT_REST = 150;
/** A map of several devices is drawn once the slider rests, milliseconds: the bars come first. */
const MAP_REST = 120;

const exampleList = byId<HTMLSelectElement>('example');
const results = byId('results');
const error = byId('error');
const fileError = byId('file-error');
const hint = byId('hint');

let settings: Settings = parseLink('').settings;
let source: Source | null = null;
let sourceCount = 0;
/** The last file that could be used: what is shown again if the next one cannot. */
let lastGood: { readonly source: Source; readonly settings: Settings } | null = null;
/** Shows once more what is on the screen, against another size of memory; null if nothing is. */
let showAgain: (() => void) | null = null;
let lastPlanJob: Job | null = null;
let fitTimer: ReturnType<typeof setTimeout> | undefined;
let mapTimer: ReturnType<typeof setTimeout> | undefined;

const planner = new WorkerQueue(onPlanReply);
const fitter = new WorkerQueue(onFitReply);
const mapper = new WorkerQueue(onMapReply);
const exports = new Exports(() => (source === null ? null : { source, settings }));
const controls = new Controls(change);
const machineResults = new MachineResults(moveLayers);
const mapView = new MapView();
const address = new Address(follow);

/** Applies a change that the reader made. */
function change(changes: Partial<Settings>): void {
  settings = { ...settings, ...changes };
  fileError.hidden = true; // who goes on with the earlier file has read it
  controls.show(settings);
  share();
  if (isAboutRoom(changes)) {
    showAgain?.();
    updateSummary();
  }
  ask(!planDependsOn(changes, settings, source?.kind ?? null));
}

/** Applies where the reader dragged the borders between the layers of the host and those of the GPUs. */
function moveLayers([, ...gpus]: LayerCounts): void {
  const layers = gpus.reduce((sum, count) => sum + count, 0);
  const split = gpus.length > 1 && layers > 0 ? { split: gpus.join(',') } : {};
  change({ ...controls.pinned(), layers, ...split });
}

function ask(onlyFit = false): void {
  if (source === null) return;
  if (!onlyFit) {
    lastPlanJob = { task: 'plan', source, settings };
    results.setAttribute('aria-busy', 'true');
    planner.ask(lastPlanJob);
  }
  if (source.kind !== 'model') return;
  if (settings.machine !== CPU_ONLY) {
    fitter.cancel();
    showFit(null, settings, change);
    return;
  }
  const job: Job = { task: 'fit', source, settings };
  clearTimeout(fitTimer);
  fitTimer = setTimeout(() => fitter.ask(job), FIT_REST);
}

/** Opens what the reader has dropped or chosen: one file, or several that are one model. */
function openFiles(files: readonly File[]): void {
  const sorted = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const isOne = files.length === 1 || files.every(({ name }) => kindOf(name) === 'model');
  if (!isOne) {
    reject('Choose one file at a time, or all parts of one GGUF together.');
    return;
  }
  chooseLengthsAnew();
  open(sorted[0].name, sorted);
}

/** The lengths of one model say nothing about the next one; those of a link wait for their file. */
function chooseLengthsAnew(): void {
  if (source !== null) settings = { ...settings, context: 0, dims: {} };
}

/** Opens what is on the reader's disk, or a file that comes with the page. */
function open(name: string, content: readonly File[] | string): void {
  const kind = kindOf(name);
  if (kind === undefined) {
    reject(`${name} is of an unknown kind: its name must end in ${ENDINGS}.`);
    return;
  }
  close();
  fileError.hidden = true;
  show({ id: ++sourceCount, name, kind, content });
}

/** Asks for all about a file; until the answer is there, the earlier one can still be seen. */
function show(opened: Source): void {
  source = opened;
  exampleList.value = typeof source.content === 'string' ? source.name : '';
  controls.showKind(source.kind);
  controls.show(settings);
  error.hidden = true;
  hint.textContent = `Reading ${source.name} …`;
  hint.hidden = false;
  markStale(true);
  share();
  ask();
}

/** Says why a file cannot be used, and goes on with the one before. */
function reject(message: string): void {
  close();
  fileError.textContent = message;
  fileError.hidden = false;
  updateSummary();
  if (lastGood === null) {
    showEmpty('');
    share();
    return;
  }
  settings = { ...lastGood.settings, memory: settings.memory, reserve: settings.reserve };
  show(lastGood.source);
}

/** Forgets the file, and whatever is asked about it. */
function close(): void {
  for (const queue of [planner, fitter, mapper, exports]) queue.cancel();
  clearTimeout(fitTimer);
  clearTimeout(mapTimer);
  source = null;
  showAgain = null;
  showFit(null, settings, change);
  exampleList.value = '';
  byId('notice').textContent = '';
}

/** Opens the example of this name; the first one if there is none. */
function openExample(name: string | null): void {
  const { file, url } = EXAMPLES.find((example) => example.file === name) ?? EXAMPLES[0];
  open(file, url);
}

/** Shows what a link says. */
function follow(hash: string): void {
  const link = parseLink(hash);
  settings = link.settings;
  if (link.file === null) {
    openExample(link.example);
    return;
  }
  close();
  lastGood = null;
  fileError.hidden = true;
  controls.showKind(kindOf(link.file) ?? null);
  controls.show(settings);
  showEmpty(`This link is about ${link.file}. Drop or choose that file to see it with the settings of the link.`);
}

/** The address says what is open, and nothing if nothing is. */
function share(): void {
  const isFile = typeof source?.content !== 'string';
  const name = source?.name ?? null;
  address.set(formatLink({ example: isFile ? null : name, file: isFile ? name : null, settings }));
}

function showEmpty(text: string): void {
  hint.textContent = text;
  hint.hidden = text === '';
  error.hidden = true;
  byId('answer').hidden = byId('map-card').hidden = true;
  markStale(false);
  results.setAttribute('aria-busy', 'false');
  updateSummary();
}

function showError(message: string): void {
  error.textContent = message;
  error.hidden = false;
  hint.hidden = true;
  markStale(true);
}

/** What is on the screen may be of other settings than the error: it can be seen, but not used or read out. */
function markStale(isStale: boolean): void {
  results.classList.toggle('failed', isStale);
  byId('answer').inert = byId('map-card').inert = isStale;
  updateSummary();
}

function onPlanReply(job: Job, reply: Reply): void {
  if (job.source !== source) return;
  if (job === lastPlanJob) results.setAttribute('aria-busy', 'false');
  if (reply.task === 'failure') {
    if (reply.failure.isOfFile && lastGood?.source !== source) {
      reject(reply.failure.message);
      return;
    }
    showError(reply.failure.message);
    controls.setDims(reply.failure.dims);
    showFit(null, settings, change);
    return;
  }
  lastGood = { source, settings: job.settings };
  byId('file-name').textContent = source.name;
  document.title = `${source.name}: tensor-arena`;
  if (reply.task === 'unknown') showUnknownModel(reply.model);
  if (reply.task === 'plan') showPlan(reply.plan, source.name);
  if (reply.task === 'machine') showMachine(reply.machine, job);
}

function showPlan(plan: PlanAnswer, name: string): void {
  controls.setPlan(plan);
  controls.show(settings);
  machineResults.hide();
  showAnswer(() => showResults(plan, settings));
  byId('map-card').hidden = false;
  mapView.show(plan.map, plan.allocator, name);
}

/** The bars at once, and the map as soon as the reader rests. */
function showMachine(machine: MachineAnswer, job: Job): void {
  const isCurrent = job.settings === settings;
  if (isCurrent) controls.setMachine(machine);
  controls.show(settings);
  showAnswer(() => machineResults.show(machine, settings, isCurrent));
  mapView.markOld(true);
  clearTimeout(mapTimer);
  mapTimer = setTimeout(() => mapper.ask({ ...job, task: 'map' }), MAP_REST);
}

function onMapReply(job: Job, reply: Reply): void {
  if (job.source !== source || reply.task !== 'map') return;
  byId('map-card').hidden = false;
  mapView.show(reply.map, reply.allocator, job.source.name);
}

/** No setting makes a difference to it but the memory, and there is no map. */
function showUnknownModel(model: UnknownModel): void {
  controls.showKind(null);
  machineResults.hide();
  byId('map-card').hidden = true;
  showAnswer(() => showUnknown(model, settings));
}

/** Shows an answer with the current settings, now and whenever the size of the memory changes. */
function showAnswer(show: () => void): void {
  showAgain = show;
  error.hidden = hint.hidden = true;
  markStale(false);
  byId('answer').hidden = false;
  show();
  updateSummary();
}

function onFitReply(job: Job, reply: Reply): void {
  if (job.source !== source) return;
  showFit(reply.task === 'fit' ? reply.fit : null, settings, change);
}

fillSelect(
  exampleList,
  EXAMPLES.map(({ file, label }) => [file, label]),
);
exampleList.addEventListener('change', () => {
  chooseLengthsAnew();
  openExample(exampleList.value);
});
listenToFiles(openFiles);
byId('copy-link').addEventListener('click', () => {
  void address.copy().then((told) => (byId('notice').textContent = told));
});
controls.showKind(null);
follow(location.hash);
