/**
 * Files that the reader drops, chooses, or saves.
 */
import { byId } from './elements.js';

/** Calls `onFiles` with the files that are dropped together anywhere on the page, or chosen: at least one. */
export function listenToFiles(onFiles: (files: readonly File[]) => void): void {
  const input = byId<HTMLInputElement>('file');
  const take = (list: FileList | null | undefined): void => {
    const files = [...(list ?? [])]; // now: the list empties itself
    if (files.length > 0) onFiles(files);
  };
  input.addEventListener('change', () => {
    take(input.files);
    input.value = ''; // so that the same file can be chosen again
  });
  const hasFiles = ({ dataTransfer }: DragEvent): boolean => dataTransfer?.types.includes('Files') ?? false;
  const mark = (isOver: boolean): void => void document.body.classList.toggle('dropping', isOver);
  document.addEventListener('dragover', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  document.addEventListener('dragleave', ({ relatedTarget }) => {
    if (relatedTarget === null) mark(false);
  });
  document.addEventListener('drop', (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    take(event.dataTransfer?.files);
  });
}

/** Saves text as a file. */
export function saveText(text: string, name: string, type: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
