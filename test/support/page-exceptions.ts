/** Commands of the documents that no test runs. Keep this list short: change the document so that its command can run. */

export interface PageException {
  /** Path from the root; any document if absent. */
  readonly page?: string;
  /** Beginning of the command. */
  readonly command: string;
  readonly reason: string;
}

export const EXCEPTIONS: readonly PageException[] = [
  {
    command: 'cosign ',
    reason: 'cosign is not installed by scripts/setup --tests; the page says with which versions it was tried',
  },
  { command: 'docker ', reason: 'a daemon of Docker would stay' },
  { command: 'oras ', reason: 'oras is not installed by scripts/setup --tests' },
];

/** Returns the exception for a command, or for a line of a block marked `sh`. */
export function exceptionFor(page: string, command: string): PageException | undefined {
  return EXCEPTIONS.find((one) => (one.page ?? page) === page && command.trimStart().startsWith(one.command));
}
