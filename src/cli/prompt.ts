import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { interruptError } from './run-result.ts';

/** Terminal that is asked. */
export interface AskedTerminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/**
 * Asks a question and returns the line that is typed; empty at the end of the input.
 * @param isHidden true if the answer is not shown
 * @throws AirgapError `interrupted` for Ctrl-C
 */
export function ask({ input, output }: AskedTerminal, question: string, isHidden: boolean): Promise<string> {
  // Readline echoes what is typed; for a password, into nothing.
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  output.write(question);
  const reader = createInterface({ input, output: isHidden ? silent : output, terminal: true });
  // The question, again: readline draws its line anew for each key.
  if (!isHidden) reader.setPrompt(question);
  reader.on('line', resolve).on('SIGINT', () => reject(interruptError()));
  reader.on('close', () => resolve(''));
  return promise.finally(() => {
    reader.close();
    if (isHidden) output.write('\n');
  });
}
