/**
 * The form of the page: shows settings, and says what the reader changes.
 *
 * Invariant: a field that the reader is typing in is left alone until that ends; a value out of range changes nothing.
 */
import { CACHE_TYPES } from 'tensor-arena/models';
import { groupDigits } from 'tensor-arena/viewer';
import type { Kind } from '../examples.js';
import type { Dim, MachineAnswer, ModelFacts, PlanAnswer } from '../messages.js';
import { ALLOCATOR_NAMES, IN_PLACE_CHOICES, LIMITS, PROGRAM_NAMES, type Settings } from '../settings.js';
import { contextStops, nearestStop } from './context-stops.js';
import { DimFields } from './dim-fields.js';
import { byId, fillSelect, setValue } from './elements.js';
import { MachineControls } from './machine-controls.js';
import { MemoryField } from './memory-field.js';

const IN_PLACE_LABELS = {
  default: 'as suits the allocator',
  full: 'wherever it is safe (full)',
  ggml: 'where ggml does (ggml)',
  off: 'never (off)',
};

const PROGRAM_LABELS = {
  server: 'llama-server',
  cli: 'llama-cli',
  bench: 'llama-bench',
  library: 'the library, or llama-perplexity',
};

/** Until the model is known. */
const SOME_CONTEXT = 4096;

type OnChange = (change: Partial<Settings>) => void;

export class Controls {
  readonly #program = byId<HTMLSelectElement>('program');
  readonly #sequences = byId<HTMLInputElement>('sequences');
  readonly #outputs = byId<HTMLInputElement>('outputs');
  readonly #unified = byId<HTMLInputElement>('unified');
  readonly #context = byId<HTMLInputElement>('context');
  readonly #contextSlider = byId<HTMLInputElement>('context-slider');
  readonly #ubatch = byId<HTMLInputElement>('ubatch');
  readonly #keyType = byId<HTMLSelectElement>('key-type');
  readonly #valueType = byId<HTMLSelectElement>('value-type');
  readonly #flashAttention = byId<HTMLInputElement>('flash-attention');
  readonly #modelAllocators = [...document.querySelectorAll<HTMLInputElement>('[name=model-allocator]')];
  readonly #allocator = byId<HTMLSelectElement>('allocator');
  readonly #inPlace = byId<HTMLSelectElement>('in-place');
  readonly #memory: MemoryField;
  readonly #reserve: MemoryField;
  readonly #machine: MachineControls;
  readonly #dims: DimFields;
  #shown: Settings | null = null;
  #trained = SOME_CONTEXT;
  /** What was planned where the context is chosen for the reader. */
  #chosenContext = SOME_CONTEXT;
  #stops = contextStops(SOME_CONTEXT);

  constructor(onChange: OnChange) {
    fillSelect(
      this.#program,
      PROGRAM_NAMES.map((name) => [name, PROGRAM_LABELS[name]]),
    );
    const types = CACHE_TYPES.map((type) => [type, type] as const);
    fillSelect(this.#keyType, types);
    fillSelect(this.#valueType, types);
    fillSelect(
      this.#allocator,
      ALLOCATOR_NAMES.map((name) => [name, name]),
    );
    fillSelect(
      this.#inPlace,
      IN_PLACE_CHOICES.map((choice) => [choice, IN_PLACE_LABELS[choice]]),
    );
    this.#memory = new MemoryField('memory', (memory) => onChange({ memory }));
    this.#reserve = new MemoryField('reserve', (reserve) => onChange({ reserve }));
    this.#machine = new MachineControls(onChange);
    this.#dims = new DimFields(onChange);
    byId('controls').addEventListener('submit', (event) => event.preventDefault());
    this.#listen(onChange);
  }

  /** Shows only what matters for a kind of file. */
  showKind(kind: Kind | null): void {
    for (const element of document.querySelectorAll<HTMLElement>('[data-for]')) {
      element.hidden = kind === null || !element.dataset.for!.split(' ').includes(kind);
    }
    this.#dims.show([]);
  }

  show(settings: Settings): void {
    this.#shown = settings;
    this.#program.value = settings.program;
    setValue(this.#sequences, settings.sequences === 0 ? '' : String(settings.sequences));
    setValue(this.#outputs, settings.outputs === 0 ? '' : String(settings.outputs));
    this.#unified.checked = settings.unified;
    const tokens = settings.context || this.#chosenContext;
    setValue(this.#context, String(tokens));
    this.#contextSlider.max = String(this.#stops.length - 1);
    this.#contextSlider.value = String(nearestStop(this.#stops, tokens));
    this.#contextSlider.setAttribute('aria-valuetext', `${groupDigits(tokens)} tokens`);
    byId('context-note').textContent = this.#contextNote(settings.context === 0);
    byId('context-auto').hidden = settings.context === 0;
    this.#ubatch.value = String(Math.round(Math.log2(settings.ubatch)));
    this.#ubatch.setAttribute('aria-valuetext', `${groupDigits(settings.ubatch)} tokens`);
    byId('ubatch-value').textContent = `${groupDigits(settings.ubatch)} tokens`;
    this.#keyType.value = settings.keyType;
    this.#valueType.value = settings.valueType;
    this.#flashAttention.checked = settings.flashAttention;
    for (const radio of this.#modelAllocators) radio.checked = radio.value === settings.modelAllocator;
    this.#allocator.value = settings.allocator;
    this.#inPlace.value = settings.inPlace;
    this.#memory.show(settings.memory);
    this.#reserve.show(settings.reserve);
    this.#machine.show(settings);
  }

  /** The lengths that the file of a network leaves open. */
  setDims(dims: readonly Dim[]): void {
    this.#dims.show(dims);
  }

  /** What was planned: it stands where the reader chose nothing. */
  setPlan({ model, network }: PlanAnswer): void {
    if (model !== null) this.#setModel(model);
    this.setDims(network?.dims ?? []);
  }

  /** What was measured on the machine. */
  setMachine(answer: MachineAnswer): void {
    this.#setModel(answer.model);
    this.#machine.setAnswer(answer);
  }

  /** The slider ends at what the model was trained on. */
  #setModel({ trainedContext, contextSize, sequences, isUnified, outputs, assumption }: ModelFacts): void {
    this.#chosenContext = contextSize;
    this.#sequences.placeholder = String(sequences);
    this.#outputs.placeholder = String(outputs);
    byId('outputs-note').textContent = assumption;
    byId('unified-row').hidden = sequences === 1 || (isUnified && this.#shown?.unified === false);
    if (trainedContext === this.#trained || !(trainedContext >= 1)) return;
    this.#trained = trainedContext;
    this.#stops = contextStops(trainedContext);
  }

  /** All that was chosen for the reader on the machine, as choices of theirs. */
  pinned(): Partial<Settings> {
    return this.#machine.pinned();
  }

  #contextNote(isChosen: boolean): string {
    const trained = `trained on ${groupDigits(this.#trained)}`;
    if (!isChosen) return trained;
    return this.#chosenContext >= this.#trained ? `all that it was trained on` : `the most that fits; ${trained}`;
  }

  #listen(onChange: OnChange): void {
    const on = (element: HTMLElement, change: () => Partial<Settings> | null): void => {
      element.addEventListener('input', () => {
        const changed = change();
        if (changed !== null) onChange(changed);
      });
    };
    for (const field of [this.#context, this.#sequences, this.#outputs]) {
      field.addEventListener('blur', () => this.#shown && this.show(this.#shown));
    }
    on(this.#program, () => ({ program: this.#program.value as Settings['program'] }));
    on(this.#sequences, () => countChange('sequences', this.#sequences));
    on(this.#outputs, () => countChange('outputs', this.#outputs));
    on(this.#unified, () => ({ unified: this.#unified.checked }));
    byId('context-auto').addEventListener('click', () => onChange({ context: 0 }));
    on(this.#contextSlider, () => ({ context: this.#stops[this.#contextSlider.valueAsNumber] }));
    on(this.#context, () => {
      const tokens = this.#context.valueAsNumber;
      return Number.isInteger(tokens) && tokens >= 1 && tokens <= LIMITS.context ? { context: tokens } : null;
    });
    on(this.#ubatch, () => ({ ubatch: 2 ** this.#ubatch.valueAsNumber }));
    on(this.#keyType, () => ({ keyType: this.#keyType.value as Settings['keyType'] }));
    on(this.#valueType, () => ({ valueType: this.#valueType.value as Settings['valueType'] }));
    on(this.#flashAttention, () => ({ flashAttention: this.#flashAttention.checked }));
    for (const radio of this.#modelAllocators) {
      on(radio, () => ({ modelAllocator: radio.value as Settings['modelAllocator'] }));
    }
    on(this.#allocator, () => ({ allocator: this.#allocator.value as Settings['allocator'] }));
    on(this.#inPlace, () => ({ inPlace: this.#inPlace.value as Settings['inPlace'] }));
  }
}

/** An empty field leaves the choice to the program; null for what cannot be counted. */
function countChange(
  key: 'sequences' | 'outputs',
  { value, valueAsNumber }: HTMLInputElement,
): Partial<Settings> | null {
  if (value === '') return { [key]: 0 };
  return Number.isInteger(valueAsNumber) && valueAsNumber >= 1 && valueAsNumber <= LIMITS[key]
    ? { [key]: valueAsNumber }
    : null;
}
