import { AirgapError, type ErrorCode } from './errors.ts';
import { quoted } from './printable.ts';

/**
 * Names from charts, bundles, registries and lists are untrusted. They are checked with these grammars when they are read,
 * and again before they become part of a path, a URL, a document or terminal output.
 */
export type NameKind = keyof typeof GRAMMARS;

/** RFC 1123 label, which Kubernetes uses for names. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';

interface Grammar {
  readonly pattern: RegExp;
  /** Maximum length in characters. */
  readonly limit: number;
  /** Description of the grammar, for the hint. */
  readonly allowed: string;
}

const GRAMMARS = {
  // Stricter than Helm, which only refuses path separators: the name becomes part of a repository and of file names.
  'chart name': {
    pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    limit: 250,
    allowed: 'letters, digits, ".", "_" and "-", beginning with a letter or digit',
  },
  // As Masterminds/semver NewVersion, and so Helm, accepts it: a leading v and missing parts are allowed.
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
  // The name of most Kubernetes objects: IsDNS1123Subdomain of k8s.io/apimachinery, whose parts may be longer than labels.
  'object name': {
    pattern: /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/,
    limit: 253,
    allowed: 'lower-case letters, digits, "-" and ".", beginning and ending with a letter or digit',
  },
  // The grammar of github.com/distribution/reference (regexp.go, reference.go).
  registry: {
    pattern:
      /^(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/,
    limit: 260,
    allowed: 'a host name or address, with an optional port',
  },
  // The limit applies to the path without the host (RepositoryNameTotalLengthMax).
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
  // User and organization of Mirantis Secure Registry: lower-case letters of any script. Not a path segment with a meaning.
  account: {
    pattern: /^(?!\.{1,2}$)[\p{Ll}\p{Lo}0-9$@._-]+$/u,
    limit: 100,
    allowed: 'lower-case letters, digits, "$", "@", ".", "_" and "-"',
  },
  // Its teams: one line. The API takes `id:` for the beginning of an ID.
  team: {
    pattern: /^(?!id:|\.{1,2}$|\s)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+(?<!\s)$/u,
    limit: 100,
    allowed: 'one line of printable characters, not beginning with "id:" or white space',
  },
  // One path component, portable: no separators, no drive letters, no hidden files.
  'file name': {
    pattern: /^[A-Za-z0-9_][A-Za-z0-9._+@-]*$/,
    limit: 200,
    allowed: 'letters, digits, ".", "_", "+", "@" and "-", beginning with a letter or digit',
  },
} as const satisfies Record<string, Grammar>;

/** Returns true if `text` is a valid name of this kind. */
export function isName(kind: NameKind, text: string): boolean {
  const { pattern, limit } = GRAMMARS[kind];
  return text.length <= limit && pattern.test(text);
}

/** Returns the pattern of this kind as the source of a regular expression. */
export function namePattern(kind: NameKind): string {
  return GRAMMARS[kind].pattern.source;
}

/**
 * Returns `text` if it is a valid name of this kind.
 * @param where origin of the name, for the message: `Chart.yaml of app.tgz`
 * @param code of the error: `usage` for the command line, `bundle-invalid` for content of a bundle
 * @throws AirgapError `code`
 */
export function checkName(kind: NameKind, text: string, where: string, code: ErrorCode = 'chart-invalid'): string {
  if (isName(kind, text)) return text;
  throw new AirgapError(code, `${where}: ${quoted(text)} is not a valid ${kind}`, {
    hint: `allowed: ${GRAMMARS[kind].allowed}`,
  });
}

/**
 * Builds a file name from untrusted text, such as a chart's name and version: characters that are not safe on every file
 * system become `-`. The result is one path component and never empty, hidden, or `..`.
 */
export function toFileName(...parts: readonly string[]): string {
  const name = parts
    .join('-')
    .replace(/[^A-Za-z0-9._+@-]/g, '-')
    .slice(0, 200);
  return isName('file name', name) ? name : `_${name}`.slice(0, 200);
}
