/** Commands of the documents that no test runs. Keep this list short: change the document so that its command can run. */

export interface PageException {
  /** Beginning of the command. */
  readonly command: string;
  readonly reason: string;
}

export const EXCEPTIONS: readonly PageException[] = [
  { command: 'scripts/', reason: 'sets this checkout up, or runs its tests' },
  { command: 'npm run ', reason: 'builds, tests or measures this checkout, for minutes to hours' },
  { command: 'AIRGAP_CONFORMANCE=', reason: 'a measurement of this checkout, with programs that are not part of it' },
  { command: 'docker ', reason: 'needs a daemon of Docker; the release check runs the image without one' },
  { command: 'cosign ', reason: 'not in Debian; the pages say with which versions it was tried' },
  { command: 'kyverno ', reason: 'not in Debian; test/interop/policies.test.ts runs it where it is installed' },
  { command: 'policy-tester ', reason: 'not in Debian; test/interop/policies.test.ts runs it where it is installed' },
  { command: 'oras ', reason: 'not in Debian; the page names what it writes, which is pushed' },
];

/** Returns the exception for a command, or for a line of a block marked `sh`. */
export function exceptionFor(command: string): PageException | undefined {
  return EXCEPTIONS.find((one) => command.trimStart().startsWith(one.command));
}
