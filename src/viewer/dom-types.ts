/**
 * Types of browsers that public members mention. Where a program is compiled without them, as for Node, they are empty:
 * such a program writes pages as text and never touches an element.
 */

/** An `HTMLElement`. */
export type PageElement = typeof globalThis extends { readonly HTMLElement: { readonly prototype: infer E } }
  ? E
  : object;

/** A `MessagePort`. */
export type PagePort = typeof globalThis extends { readonly MessagePort: { readonly prototype: infer P } } ? P : object;
