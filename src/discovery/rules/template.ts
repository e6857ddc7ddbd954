/** Source of a variable's text, and its name there. Variables without a dot have an empty name. */
export type Variable = readonly [scope: Scope, name: string];

export type Scope =
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
const PLAIN = new Set<string>(['tag', 'version', 'folder', 'appVersion'] satisfies Scope[]);
const SCOPED = /^(env|arg|field|table)\.(.+)$/;
const LITERAL = /^'([^']*)'$/;

/** Returns every variable of a template, including alternatives and literals. */
export function variablesOf(template: string): Variable[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([, inner = '']) => inner.split('|').map(toVariable));
}

/**
 * Fills in a template. The first alternative of `{a|b|'c'}` with a text is used; undefined if a placeholder has none.
 * Duplicate slashes left by empty parts are removed.
 */
export function fill(template: string, look: (variable: Variable) => string | undefined): string | undefined {
  let complete = true;
  const filled = template.replace(PLACEHOLDER, (_, inner: string) => {
    for (const variable of inner.split('|').map(toVariable)) {
      const text = variable[0] === 'literal' ? variable[1] : look(variable) || undefined;
      if (text !== undefined) return text;
    }
    complete = false;
    return '';
  });
  return complete ? filled.replace(/\/{2,}/g, '/').replace(/^\//, '') : undefined;
}

function toVariable(text: string): Variable {
  if (PLAIN.has(text)) return [text as Scope, ''];
  const [, scope, name] = SCOPED.exec(text) ?? [];
  if (scope !== undefined && name !== undefined) return [scope as Scope, name];
  const literal = LITERAL.exec(text)?.[1];
  return literal === undefined ? ['unknown', text] : ['literal', literal];
}
