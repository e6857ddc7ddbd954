import { wildcard } from '../base/wildcard.ts';

/** Whether Helm leaves a file or folder of a chart folder out. @param path with slashes, relative to the chart */
export type Ignores = (path: string, isFolder: boolean) => boolean;

/**
 * What a .helmignore certainly leaves out (helm.sh/helm, pkg/ignore). It only spares the copying of what Helm would pass
 * over, so rules that are not as simple as most of them count for nothing here: whatever is copied, Helm looks at again.
 */
export function ignoring(text: string): Ignores {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  // A rule that begins with "!" leaves out whatever it does not name, and keeps what others leave out.
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
