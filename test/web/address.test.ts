/** The address of the page and the links that a reader follows, with a browser’s order of events played out. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Address } from '../../web/page/address.js';

let page: EventTarget;
const place = { hash: '', pathname: '/', href: '' };
let followed: string[];
let address: Address;

beforeEach(() => {
  page = new EventTarget();
  vi.useFakeTimers();
  vi.stubGlobal('location', place);
  vi.stubGlobal('history', { replaceState: (_: null, __: string, url: string) => void (place.hash = url) });
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  place.hash = '#first';
  followed = [];
  address = new Address((hash) => followed.push(hash));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const tellOfLink = (): boolean => page.dispatchEvent(new Event('hashchange'));

it('holds the newest state once the reader rests', () => {
  address.set('#a');
  address.set('#b');
  expect(place.hash).toBe('#first');
  vi.runAllTimers();
  expect(place.hash).toBe('#b');
  tellOfLink();
  expect(followed).toEqual([]);
});

it('follows a link, and forgets what it was about to write', () => {
  address.set('#a');
  place.hash = '#link';
  tellOfLink();
  vi.runAllTimers();
  expect(place.hash).toBe('#link');
  expect(followed).toEqual(['#link']);
});

it('does not overwrite a link whose event is still to come', () => {
  address.set('#a');
  place.hash = '#link';
  vi.runAllTimers();
  expect(place.hash).toBe('#link');
  tellOfLink();
  expect(followed).toEqual(['#link']);
});
