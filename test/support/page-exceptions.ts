/** Commands of the documents that no test runs. Keep this list short: change the document so that its command can run. */

export interface PageException {
  /** Path from the root. */
  readonly page: string;
  /** Beginning of the command, without what stands before it on its line. */
  readonly command: string;
  readonly reason: string;
}

export const EXCEPTIONS: readonly PageException[] = [];

/** Returns the exception for a command, or for a line of a block marked `sh`. */
export function exceptionFor(page: string, command: string): PageException | undefined {
  return EXCEPTIONS.find((one) => one.page === page && command.trimStart().startsWith(one.command));
}
