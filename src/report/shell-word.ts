/**
 * Words of a command as a shell reads them.
 */

const PLAIN = /^[\w@%+=:,./-]+$/;
/** What a shell reads within double quotes, too. */
const LIVE = /["$`!]|\\(?=["$`\\]|$)/;

/** The words in one line, quoted where a shell would take them apart: POSIX shells, and others as far as double quotes go. */
export function shellCommand(words: readonly string[]): string {
  return words.map(shellWord).join(' ');
}

function shellWord(word: string): string {
  if (PLAIN.test(word)) return word;
  return LIVE.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`;
}
