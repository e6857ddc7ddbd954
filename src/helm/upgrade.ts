/** Text that may add an image or an object to a render. */
const MAY_ADD_IMAGE = /image|repositor|registry|kind:|\b(?:include|template|tpl|toYaml|block)\b/i;

/**
 * Reports whether a template may render more images on upgrade than on install. Most templates with
 * `.Release.IsUpgrade` or `.Release.IsInstall` choose between two words, fail, or omit something on upgrade. An
 * additional render is only needed if other images may appear.
 */
export function mayRenderMoreOnUpgrade(template: string): boolean {
  if (!/\.Is(?:Upgrade|Install)\b/.test(template)) return false;
  const actions = actionsIn(template);
  return actions.some((action, i) => {
    const text = action.text;
    if (!/\.Is(?:Upgrade|Install)\b/.test(text) || text.startsWith('/*')) return false;
    if (/\bternary\s+"[\w-]*"\s+"[\w-]*"/.test(text)) {
      return MAY_ADD_IMAGE.test(template.slice(template.lastIndexOf('\n', action.index) + 1, action.index) + text);
    }
    if (!/^(?:else\s+)?if\b/.test(text)) return true;
    const { end, hasElse } = blockAt(actions, i);
    const onlyOnInstall = /\.IsInstall\b/.test(text) && !/\.IsUpgrade\b|\b(?:not|ne|eq)\b/.test(text);
    if (onlyOnInstall && !hasElse && text.startsWith('if')) return false;
    return MAY_ADD_IMAGE.test(template.slice(action.end, actions[end]?.index));
  });
}

interface TemplateAction {
  /** Text between the braces, trimmed. */
  readonly text: string;
  /** Start and end in the template, including braces. */
  readonly index: number;
  readonly end: number;
}

/** Returns all actions between `{{` and `}}`. A regular expression would be quadratic for unclosed actions. */
function actionsIn(template: string): TemplateAction[] {
  const actions: TemplateAction[] = [];
  for (let index = template.indexOf('{{'); index >= 0; ) {
    const close = template.indexOf('}}', index);
    if (close < 0) break;
    const end = close + 2;
    const text = template
      .slice(index + 2, close)
      .replace(/^-/, '')
      .replace(/-$/, '')
      .trim();
    actions.push({ text, index, end });
    index = template.indexOf('{{', end);
  }
  return actions;
}

/** Returns the end of an `if` block, and if it has an `else` branch. */
function blockAt(actions: readonly TemplateAction[], start: number): { end: number; hasElse: boolean } {
  let depth = 1;
  let hasElse = false;
  for (let index = start + 1; index < actions.length; index++) {
    const word = /^\s*(\w+)/.exec(actions[index]?.text ?? '')?.[1] ?? '';
    if (/^(?:if|range|with|define|block)$/.test(word)) depth += 1;
    else if (word === 'end') depth -= 1;
    else if (word === 'else' && depth === 1) hasElse = true;
    if (depth === 0) return { end: index, hasElse };
  }
  return { end: actions.length, hasElse };
}
