/** Commands that only print or search their arguments. */
const PRINTING_COMMANDS =
  /^(?:echo|printf|log\w*|info|warn\w*|error|fail|die|fatal|debug|cat|grep|sed|awk|man|alias|which|type|:)$/;
/** Words before a command that are not part of it. */
const KEYWORDS = /^(?:then|do|else|if|!|while|until|time)$/;

/** Returns the words of a simple command without the assignments and keywords before it; empty if it only prints. */
export function effectiveCommand(words: readonly string[]): readonly string[] {
  const start = words.findIndex((word) => parseAssignment(word) === undefined && !KEYWORDS.test(word));
  const command = words.slice(Math.max(start, 0));
  return PRINTING_COMMANDS.test(programName(command[0])) ? [] : command;
}

/** Returns the name of a program without its folder. */
export function programName(word = ''): string {
  return word.slice(word.lastIndexOf('/') + 1);
}

/** Parses `NAME=value`; undefined for other words. */
export function parseAssignment(word: string): { readonly name: string; readonly value: string } | undefined {
  const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
  return name === undefined || value === undefined ? undefined : { name, value };
}

/** Returns the word with the script that `sh -c` or `eval` runs; undefined for other commands. */
export function inlineScript<T>(words: readonly T[], textOf: (word: T) => string): T | undefined {
  const shell = words.findIndex((word) => /^(?:.*\/)?(?:(?:ba|da|a|z|k)?sh|su|eval)$/.test(textOf(word)));
  const shellWord = words[shell];
  if (shellWord === undefined) return undefined;
  const option = words.findIndex((word, i) => i > shell && /^-[a-z]*c$/.test(textOf(word)));
  const index = textOf(shellWord) === 'eval' ? shell : option;
  return index < 0 ? undefined : words.find((word, i) => i > index && !/^[-+][a-z]*$/.test(textOf(word)));
}

/** Flags of `helm install`, `upgrade`, `template`, `pull` and `repo add` without a value; all others consume the next word. */
const BOOLEAN_FLAGS =
  /^(?:-[gih]|--(?:install|wait|wait-for-jobs|atomic|rollback-on-failure|create-namespace|debug|devel|force|force-replace|force-conflicts|generate-name|reset-values|reuse-values|reset-then-reuse-values|skip-crds|include-crds|skip-tests|cleanup-on-fail|dependency-update|disable-openapi-validation|no-hooks|render-subchart-notes|replace|verify|untar|prov|plain-http|insecure-skip-tls-verify|pass-credentials|skip-schema-validation|hide-notes|hide-secret|take-ownership|enable-dns|dry-run|is-upgrade|validate|server-side|force-update|no-update|allow-deprecated-repos))$/;

/** A Helm call in a script, parsed. */
export interface HelmCommand {
  /** Positional arguments, verb first. */
  readonly positional: readonly string[];
  /** Returns the values of a flag, by any of its names, in order. */
  valuesOf(...names: readonly string[]): string[];
}

/**
 * Returns the Helm call in a command, after any wrapper such as a retry or time command; undefined if there is none.
 */
export function helmCommand(words: readonly string[]): HelmCommand | undefined {
  const command = effectiveCommand(words);
  const index = command.findIndex((word) => /^helm[34]?$/.test(programName(word)));
  return index < 0 ? undefined : parseHelmArguments(command.slice(index + 1));
}

/** Parses the arguments of a Helm call, up to the first redirection. */
export function parseHelmArguments(words: readonly string[]): HelmCommand {
  const positional: string[] = [];
  const flags: [string, string][] = [];
  const args = words.filter((word) => word !== '');
  for (let i = 0; i < args.length; i++) {
    const word = args[i] as string;
    if (/^\d*[<>]/.test(word)) break;
    const [, name = word, value] = /^(-{1,2}[\w-]+)=(.*)$/s.exec(word) ?? [];
    if (!word.startsWith('-')) positional.push(word);
    else if (value !== undefined) flags.push([name, value]);
    else if (!BOOLEAN_FLAGS.test(word)) flags.push([word, args[++i] ?? '']);
  }
  return {
    positional,
    valuesOf: (...names) => flags.flatMap(([name, value]) => (names.includes(name) ? [value] : [])),
  };
}
