/** The text of a TypeScript module, with calls of its top level marked as free of side effects. */
export function markPure(text: string): string;
