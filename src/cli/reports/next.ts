import { printableLine } from '../../base/printable.ts';

const PLAIN_WORD = /^[\w%+=:,./@-]+$/;

/**
 * Quotes a word for a POSIX shell, if that is needed. A word with control characters, which cannot be shown as it is, becomes a
 * placeholder in capitals.
 */
export function shellWord(word: string): string {
  if (printableLine(word) !== word) return 'ARGUMENT';
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns a path as an argument that no command takes for a flag. */
export function fileWord(path: string): string {
  return path.startsWith('-') ? `./${path}` : path;
}

/**
 * Returns the line that says what to type next.
 * @param words command and arguments, not quoted; placeholders are in capitals
 * @param first what to do before, such as `carry app.tar over`; may be empty
 */
export function nextStep(words: readonly string[], first = ''): string {
  const command = words.map(shellWord).join(' ');
  return first === '' ? `next: ${command}` : `next: ${printableLine(first)}, then: ${command}`;
}

/** Returns the words of a command of this plugin. */
export function airgapCommand(name: string, ...words: readonly string[]): string[] {
  return ['helm', 'airgap', name, ...words];
}
