/**
 * Words of a command as a shell reads them.
 */
import { checkArgument, isListLike } from '../../errors.js';

const PLAIN = /^[\w@%+=:,./-]+$/;
/** What a shell reads within double quotes, too. */
const LIVE = /["$`!]|\\(?=["$`\\]|$)/;

/**
 * The words of a command in one line, such as those of {@link commandOf}, quoted where a shell would take them apart:
 * a POSIX shell, and others as far as double quotes go. O(characters).
 *
 * @throws PlannerError `BAD_ARGUMENT`
 */
export function shellCommand(words: readonly string[]): string {
  const areWords = isListLike(words) && Array.from(words).every((word) => typeof word === 'string');
  checkArgument(
    areWords,
    'words',
    words,
    'a list of texts',
    'Give the words of a command, such as those of commandOf.',
  );
  return Array.from(words, shellWord).join(' ');
}

function shellWord(word: string): string {
  if (PLAIN.test(word)) return word;
  return LIVE.test(word) ? `'${word.replaceAll("'", "'\\''")}'` : `"${word}"`;
}
