import type { PullSecretEntry } from './edits/post-render-map.ts';
import { isPartial, type TemplateEdit } from './template-edits.ts';

/**
 * Returns edits that insert a pull secret before each literal `containers:` in templates. Only a render shows which of
 * them apply to which pod.
 * @param files texts of the chart by path
 * @param fileOf converts a template name printed by Helm to a path in the chart
 */
export function templateSecretEdits(
  files: ReadonlyMap<string, string>,
  pods: readonly PullSecretEntry[],
  fileOf: (template: string) => string,
  secret: string,
): TemplateEdit[] {
  const podFiles = new Set(pods.map(({ template }) => fileOf(template)));
  const partials = [...files.keys()].filter(isPartial);
  return [...new Set([...podFiles, ...partials])].sort().flatMap((file) => {
    const text = files.get(file) ?? '';
    return [...text.matchAll(/^( *)containers:[ \t]*$/gm)].map(({ index, 1: indent = '' }): TemplateEdit => {
      const to = `${indent}imagePullSecrets:\n${indent}- name: ${secret}\n`;
      const line = text.slice(0, index).split('\n').length;
      return { file, line, from: '', to: to.trimEnd(), edit: { start: index, end: index, text: to } };
    });
  });
}
