/** One text for the program and each command. */
export const EXIT_CODES = `
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 check failed,
            130 interrupted`;

/** Formats the examples at the end of a command's help. A test parses each. */
export function examples(...commands: readonly string[]): string {
  return ['', 'Examples:', ...commands.map((command) => `  helm airgap ${command}`)].join('\n');
}

/** Removes the default that Commander shows for repeatable flags. */
export function withoutEmptyDefault(description: string): string {
  return description.replace(/ ?\(default: \[\]\)$/, '');
}
