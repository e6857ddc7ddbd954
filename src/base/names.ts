import { AirgapError, type ErrorCode } from './errors.ts';
import { quoted } from './printable.ts';

/**
 * Names that come from a chart, a bundle, a registry or a list are hostile until they are checked here, where they are
 * read, and again where they become a path, a URL, a document or a line on a terminal.
 */
export type NameKind = keyof typeof GRAMMARS;

/** Labels as RFC 1123 has them, which Kubernetes uses for names. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

interface Grammar {
  readonly pattern: RegExp;
  /** Most characters. */
  readonly limit: number;
  /** What is allowed, for the hint. */
  readonly allowed: string;
}

const GRAMMARS = {
  // Helm's rule is wider (no path separators); a name also becomes part of a repository and of file names.
  'chart name': {
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    limit: 250,
    allowed: 'letters, digits, ".", "_" and "-", beginning with a letter or digit',
  },
  // What Masterminds/semver NewVersion takes, and so Helm: a leading v and missing parts included.
  'chart version': {
    pattern:
      /^v?[0-9]+(?:\.[0-9]+){0,2}(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/,
    limit: 128,
    allowed: 'a semantic version such as 1.2.3 or v1.2.3-rc.1+build',
  },
  // helm.sh/helm, pkg/chart/common/util ValidateReleaseName.
  'release name': {
    pattern: new RegExp(`^${LABEL}(?:\\.${LABEL})*$`),
    limit: 53,
    allowed: 'at most 53 lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  },
  namespace: {
    pattern: new RegExp(`^${LABEL}$`),
    limit: 63,
    allowed: 'at most 63 lower-case letters, digits and "-", beginning and ending with a letter or digit',
  },
  // A DNS subdomain: what most Kubernetes objects may be called.
  'object name': {
    pattern: new RegExp(`^${LABEL}(?:\\.${LABEL})*$`),
    limit: 253,
    allowed: 'lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  },
  // The grammar of github.com/distribution/reference (regexp.go, reference.go).
  registry: {
    pattern:
      /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/,
    limit: 260,
    allowed: 'a host name or address, with a port if need be',
  },
  // Of the path alone, the host does not count (RepositoryNameTotalLengthMax).
  repository: {
    pattern: /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/,
    limit: 255,
    allowed: 'lower-case letters and digits, separated by ".", "_", "__" or dashes, in parts separated by "/"',
  },
  tag: {
    pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
    limit: 128,
    allowed: 'at most 128 letters, digits, "_", "." and "-", not beginning with "." or "-"',
  },
  // One part of a path, on any system: no separators, no drive letters, nothing hidden, no device of Windows alone.
  'file name': {
    pattern: /^[A-Za-z0-9_][A-Za-z0-9._+@-]*$/,
    limit: 200,
    allowed: 'letters, digits, ".", "_", "+", "@" and "-", beginning with a letter or digit',
  },
} as const satisfies Record<string, Grammar>;

/** Whether `text` is a name of this kind. */
export function isName(kind: NameKind, text: string): boolean {
  const { pattern, limit } = GRAMMARS[kind];
  return text.length <= limit && pattern.test(text);
}

/**
 * Returns `text` if it is a name of this kind.
 * @param where says whose name it is, as part of a sentence: `Chart.yaml of app.tgz`
 * @param code of the error; what was given on the command line is `usage`, what a bundle says `bundle-invalid`
 * @throws AirgapError `code`
 */
export function checkName(kind: NameKind, text: string, where: string, code: ErrorCode = 'chart-invalid'): string {
  if (isName(kind, text)) return text;
  throw new AirgapError(code, `${where}: ${quoted(text)} is no valid ${kind}`, {
    hint: `allowed: ${GRAMMARS[kind].allowed}`,
  });
}

/**
 * A file name made of foreign texts, such as a chart's name and version: each character that is not safe on every file
 * system becomes `-`. The result is one path component and never empty, hidden, or `..`.
 */
export function toFileName(...parts: readonly string[]): string {
  const name = parts
    .join('-')
    .replace(/[^A-Za-z0-9._+@-]/g, '-')
    .slice(0, 200);
  return isName('file name', name) ? name : `_${name}`.slice(0, 200);
}
