/** What could bring an image into a render, or a whole object. */
const BRINGS = /image|repositor|registry|kind:|\b(?:include|template|tpl|toYaml|block)\b/i;

/**
 * Whether a template may render more for an upgrade than for an install. Most that ask (`.Release.IsUpgrade`,
 * `.Release.IsInstall`) choose between two words, refuse, or leave something out of the upgrade; only what could show
 * another image is worth a render of its own.
 */
export function mayAddOnUpgrade(template: string): boolean {
  if (!/\.Is(?:Upgrade|Install)\b/.test(template)) return false;
  const actions = actionsIn(template);
  return actions.some((action, i) => {
    const text = action.text;
    if (!/\.Is(?:Upgrade|Install)\b/.test(text) || text.startsWith('/*')) return false;
    if (/\bternary\s+"[\w-]*"\s+"[\w-]*"/.test(text)) {
      return BRINGS.test(template.slice(template.lastIndexOf('\n', action.index) + 1, action.index) + text);
    }
    if (!/^(?:else\s+)?if\b/.test(text)) return true;
    const { end, hasElse } = blockAt(actions, i);
    const onlyOnInstall = /\.IsInstall\b/.test(text) && !/\.IsUpgrade\b|\b(?:not|ne|eq)\b/.test(text);
    if (onlyOnInstall && !hasElse && text.startsWith('if')) return false;
    return BRINGS.test(template.slice(action.end, actions[end]?.index));
  });
}

interface Action {
  /** Between the braces, trimmed. */
  readonly text: string;
  /** Where it begins and ends in the template, braces included. */
  readonly index: number;
  readonly end: number;
}

/** Everything between `{{` and `}}`. A pattern would look for the end anew at each beginning that has none. */
function actionsIn(template: string): Action[] {
  const actions: Action[] = [];
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

/** Where the block that an `if` begins ends, and whether it has another branch. */
function blockAt(actions: readonly Action[], start: number): { end: number; hasElse: boolean } {
  let depth = 1;
  let hasElse = false;
  for (let at = start + 1; at < actions.length; at++) {
    const word = /^\s*(\w+)/.exec(actions[at]?.text ?? '')?.[1] ?? '';
    if (/^(?:if|range|with|define|block)$/.test(word)) depth += 1;
    else if (word === 'end') depth -= 1;
    else if (word === 'else' && depth === 1) hasElse = true;
    if (depth === 0) return { end: at, hasElse };
  }
  return { end: actions.length, hasElse };
}
