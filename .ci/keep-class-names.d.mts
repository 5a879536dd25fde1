/** The text of a TypeScript module, in which classes keep their names when it is bundled. */
export function keepClassNames(text: string): string;
