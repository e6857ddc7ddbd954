/** Flags of `helm install`, `upgrade`, `template` and `pull` without a value; all others consume the next word. */
const BOOLEAN_FLAGS =
  /^(?:-[gih]|--(?:install|wait|wait-for-jobs|atomic|rollback-on-failure|create-namespace|debug|devel|force|force-replace|force-conflicts|generate-name|reset-values|reuse-values|reset-then-reuse-values|skip-crds|include-crds|skip-tests|cleanup-on-fail|dependency-update|disable-openapi-validation|no-hooks|render-subchart-notes|replace|verify|untar|prov|plain-http|insecure-skip-tls-verify|pass-credentials|skip-schema-validation|hide-notes|hide-secret|take-ownership|enable-dns|dry-run|is-upgrade|validate|server-side|force-update))$/;

/** A Helm call in a script, parsed. */
export interface HelmCommand {
  /** Positional arguments, verb first. */
  readonly positional: readonly string[];
  /** Returns the values of a flag, by any of its names, in order. */
  valuesOf(...names: readonly string[]): string[];
}

/** Commands that only print their arguments. */
const PRINTING_COMMANDS = /^(?:echo|printf|log\w*|info|warn\w*|error|fail|die|cat|grep|sed|awk)$/;

/**
 * Returns the Helm call in a command, after any wrapper such as a retry or time command; undefined if there is none.
 */
export function helmCommand(words: readonly string[]): HelmCommand | undefined {
  const index = words.findIndex((word) => /^(?:.*\/)?helm[34]?$/.test(word));
  if (index < 0 || PRINTING_COMMANDS.test(words[0] ?? '')) return undefined;
  const positional: string[] = [];
  const flags: [string, string][] = [];
  const args = words.slice(index + 1).filter((word) => word !== '');
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

/** Returns the release and chart that a call installs; undefined for other verbs. */
export function installTarget({ positional }: HelmCommand): { release: string; chart: string } | undefined {
  const [verb = '', first = '', second] = positional;
  if (!/^(?:install|upgrade|template|pull|fetch)$/.test(verb) || first === '') return undefined;
  const hasRelease = second !== undefined && !/^(?:pull|fetch)$/.test(verb);
  return hasRelease ? { release: first, chart: second } : { release: '', chart: first };
}
