/** Where a variable's text comes from, and its name there. Variables without a dot have an empty name. */
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

/** Every variable of a template, alternatives and literals included. */
export function variablesOf(template: string): Variable[] {
  return [...template.matchAll(PLACEHOLDER)].flatMap(([, inner = '']) => inner.split('|').map(toVariable));
}

/**
 * Fills a template in. Of `{a|b|'c'}` the first that has a text counts; undefined when none of a placeholder's has
 * one. Slashes that empty parts leave behind are put right.
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
