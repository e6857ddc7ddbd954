import semver from 'semver';

/** Source of a variable's text, and its name there. Variables without a dot have an empty name. */
export type TemplateVariable = readonly [scope: VariableScope, name: string];

type VariableScope =
  | 'tag'
  | 'version'
  | 'folder'
  | 'appVersion'
  | 'env'
  | 'arg'
  | 'field'
  | 'table'
  | 'literal'
  | 'unknown';

const PLACEHOLDER = /\{([^{}]*)\}/g;
const PLAIN = new Set<string>(['tag', 'version', 'folder', 'appVersion'] satisfies VariableScope[]);
const SCOPED = /^(env|arg|field|table)\.(.+)$/;
const LITERAL = /^'([^']*)'$/;

/** Returns every variable of a template, including alternatives and literals. */
export function templateVariables(template: string): TemplateVariable[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([, inner = '']) => inner.split('|').map(toVariable));
}

/**
 * Fills in a template. The first alternative of `{a|b|'c'}` with a text is used; undefined if a placeholder has none.
 * Duplicate slashes left by empty parts are removed.
 */
export function fillRuleTemplate(
  template: string,
  lookup: (variable: TemplateVariable) => string | undefined,
): string | undefined {
  let complete = true;
  const filled = template.replace(PLACEHOLDER, (_, inner: string) => {
    for (const variable of inner.split('|').map(toVariable)) {
      const text = variable[0] === 'literal' ? variable[1] : lookup(variable) || undefined;
      if (text !== undefined) return text;
    }
    complete = false;
    return '';
  });
  return complete ? filled.replace(/\/{2,}/g, '/').replace(/^\//, '') : undefined;
}

function toVariable(text: string): TemplateVariable {
  if (PLAIN.has(text)) return [text as VariableScope, ''];
  const [, scope, name] = SCOPED.exec(text) ?? [];
  if (scope !== undefined && name !== undefined) return [scope as VariableScope, name];
  const literal = LITERAL.exec(text)?.[1];
  return literal === undefined ? ['unknown', text] : ['literal', literal];
}

/** Entry of a table for a version. */
interface TableEntry {
  readonly text: string;
  /** True for a version above every range, or without a version: then the newest entry is used as a guess. */
  readonly guessed: boolean;
}

/**
 * Parses the release in a tag or version as `major.minor.patch`; undefined for names such as `latest`. Suffixes of
 * builds and variants are ignored.
 */
export function releaseOf(text: string | undefined): string | undefined {
  const [, major, minor, patch = '0'] = /^v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])/.exec(text ?? '') ?? [];
  return major === undefined ? undefined : [major, minor, patch].map(Number).join('.');
}

/** Returns the entry of the first range that contains the release. */
export function lookUpRelease(
  table: Readonly<Record<string, string>>,
  release: string | undefined,
): TableEntry | undefined {
  const entries = Object.entries(table);
  const newest = entries.at(-1)?.[1];
  if (release !== undefined) {
    const match = entries.find(([range]) => semver.satisfies(release, range));
    if (match !== undefined) return { text: match[1], guessed: false };
    if (!entries.every(([range]) => semver.gtr(release, range))) return undefined;
  }
  return newest === undefined ? undefined : { text: newest, guessed: true };
}
