import type { PullSecretEntry } from './post-render-map.ts';
import { isPartial, type PlacedChange } from './template-edits.ts';

/**
 * Where templates begin the containers of pods, in so many words: there a pull secret can be written before. Which of
 * these places belong to which pod shows only when the chart is rendered with it.
 * @param files texts of the chart by path
 * @param fileOf path of a template in the chart, by the name that Helm prints
 */
export function secretChanges(
  files: ReadonlyMap<string, string>,
  pods: readonly PullSecretEntry[],
  fileOf: (template: string) => string,
  secret: string,
): PlacedChange[] {
  const wanted = new Set(pods.map(({ template }) => fileOf(template)));
  const partials = [...files.keys()].filter(isPartial);
  return [...new Set([...wanted, ...partials])].sort().flatMap((file) => {
    const text = files.get(file) ?? '';
    return [...text.matchAll(/^( *)containers:[ \t]*$/gm)].map(({ index, 1: indent = '' }): PlacedChange => {
      const to = `${indent}imagePullSecrets:\n${indent}- name: ${secret}\n`;
      const line = text.slice(0, index).split('\n').length;
      return { file, line, from: '', to: to.trimEnd(), edit: { start: index, end: index, text: to } };
    });
  });
}
