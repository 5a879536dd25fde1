/**
 * The address of the page as a link to what it shows.
 */

/** Browsers refuse to change the address many times a second, milliseconds. */
const REST = 250;

export class Address {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hash = location.hash;

  /** Calls `onLink` when the reader follows a link to another state. */
  constructor(onLink: (hash: string) => void) {
    addEventListener('hashchange', () => {
      if (location.hash === this.#hash) return;
      clearTimeout(this.#timer);
      this.#hash = location.hash;
      onLink(location.hash);
    });
  }

  /** Puts the state into the address, once the reader rests. */
  set(hash: string): void {
    this.#hash = hash;
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
    history.replaceState(null, '', this.#hash === '' ? location.pathname : this.#hash);
  }
}
