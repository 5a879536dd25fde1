/**
 * The address of the page as a link to what it shows.
 *
 * Invariant: a link that the reader follows is never overwritten, not even between its arrival in the address and the
 * event that tells of it.
 */

/** Browsers refuse to change the address many times a second, milliseconds. */
const REST = 250;

export class Address {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wanted = location.hash;
  /** What the address was when last looked at. */
  #seen = location.hash;

  /** Calls `onLink` when the reader follows a link to another state. */
  constructor(onLink: (hash: string) => void) {
    addEventListener('hashchange', () => {
      if (location.hash === this.#seen) return;
      clearTimeout(this.#timer);
      this.#wanted = this.#seen = location.hash;
      onLink(location.hash);
    });
  }

  /** Puts the state into the address, once the reader rests. */
  set(hash: string): void {
    this.#wanted = hash;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#write(), REST);
  }

  /** Puts the link into the clipboard. Returns what to tell the reader. */
  async copy(): Promise<string> {
    clearTimeout(this.#timer);
    this.#write();
    try {
      await navigator.clipboard.writeText(location.href);
      return 'The link is in the clipboard.';
    } catch {
      return 'The link is in the address bar.';
    }
  }

  #write(): void {
    if (location.hash !== this.#seen) return; // a link was followed, and is about to be told of
    history.replaceState(null, '', this.#wanted === '' ? location.pathname : this.#wanted);
    this.#seen = location.hash;
  }
}
