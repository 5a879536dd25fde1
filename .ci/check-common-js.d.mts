/** What is wrong with the text of a CommonJS file, one line for each place. */
export function checkCommonJs(text: string, fileName: string): string[];
