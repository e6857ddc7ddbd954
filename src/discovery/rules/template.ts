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
