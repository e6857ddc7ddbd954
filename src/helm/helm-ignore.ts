import { wildcard } from '../base/wildcard.ts';

/**
 * Reports whether Helm ignores a file or folder of a chart.
 * @param path relative to the chart, with slashes
 */
export type IgnoreTest = (path: string, isFolder: boolean) => boolean;

/**
 * Parses a .helmignore (helm.sh/helm, pkg/ignore). Supports only simple rules: it serves to avoid copying ignored
 * files, and Helm applies all rules again to the copy.
 */
export function parseHelmIgnore(text: string): IgnoreTest {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  // In Helm, a rule with "!" ignores everything that it does not match, and overrides other rules.
  if (lines.some((line) => line.startsWith('!'))) return () => false;
  const rules = lines
    .filter((line) => !/[?[\]\\]|\*\*/.test(line))
    .map((line) => {
      const pattern = line.replace(/\/$/, '');
      const parts = pattern.replace(/^\//, '').split('/').map(wildcard);
      return { parts, isBase: !pattern.includes('/'), mustBeFolder: line.endsWith('/') };
    });
  return (path, isFolder) => {
    const names = path.split('/');
    return rules.some(({ parts, isBase, mustBeFolder }) => {
      if (mustBeFolder && !isFolder) return false;
      const compared = isBase ? names.slice(-1) : names;
      return parts.length === compared.length && parts.every((part, i) => part.test(compared[i] as string));
    });
  };
}
