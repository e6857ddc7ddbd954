import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { isName } from '../../base/names.ts';
import { isChartArchiveName } from '../../bundle/format/names.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';
import { namingTemplate } from '../../naming/naming-template.ts';
import { parseReference } from '../../oci/reference.ts';
import { readReceipt } from '../push/read-receipt.ts';
import { Kept } from './kept.ts';
import { type KeepFile, keepFiles } from './kept-files.ts';

/** Evidence of what this tool has written at a target. */
export interface FilledEvidence {
  /** Bundles and lock files that were pushed there before. */
  readonly files: readonly KeepFile[];
  /** Receipts of pushes and mirrors. */
  readonly receipts: readonly string[];
}

/**
 * Returns what reports whether this tool filled a repository: a bundle, lock file or receipt names it, or its path is one that
 * only the naming makes, with the name of a public host.
 * @throws AirgapError of reading; `usage` for a receipt of another registry
 */
export async function filledRepositories(
  kept: Kept,
  { files, receipts }: FilledEvidence,
  target: Target,
  emit: Emit,
): Promise<(path: string) => boolean> {
  const paths = new Set(kept.paths);
  const older = new Kept();
  await keepFiles(older, files, target, emit);
  for (const path of older.paths) paths.add(path);
  for (const receipt of receipts) for (const path of await receiptPaths(receipt, target)) paths.add(path);
  return (path) => paths.has(path) || hasSourceHost(target, path);
}

async function receiptPaths(file: string, target: Target): Promise<readonly string[]> {
  const { items, referrers } = await readReceipt(file);
  // No bundle has a chart archive that was pushed by itself, so none would keep it.
  const carried = items.filter(({ source }) => !isChartArchiveName(source));
  const names = [...carried.map((item) => item.target), ...referrers.map(({ repository }) => `${repository}:x`)];
  const references = names.map(parseReference);
  const other = references.find(({ registry }) => registry !== target.registry);
  if (other === undefined) return references.map(({ path }) => path);
  throw new AirgapError('usage', `the receipt ${file} is of ${other.registry}, not of ${formatTarget(target)}`, {
    hint: 'give receipts of this registry only',
  });
}

/**
 * Reports whether a path has the name of a registry where the naming puts the source host: `PREFIX/quay.io/team/app`. Charts
 * have no host in their path; below a prefix, `PREFIX/charts/NAME` is where `push` puts them.
 */
export function hasSourceHost({ prefix, naming, chartPrefix }: Target, path: string): boolean {
  const below = prefix === '' ? path : path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1) : undefined;
  if (below === undefined) return false;
  const components = below.split('/');
  if (prefix !== '' && chartPrefix === undefined && components[0] === 'charts' && components.length === 2) return true;
  const template = namingTemplate(naming).split('/');
  const position = template.indexOf('{host}');
  if (position < 0 || template.slice(0, position).some((part, i) => part !== components[i])) return false;
  const host = components[position] ?? '';
  return components.length > position + 1 && isHostName(host);
}

/** A name with a dot and a last part of letters, as those of public registries; a port becomes `-PORT` in a path. */
function isHostName(component: string): boolean {
  const host = component.replace(/-\d{1,5}$/, '');
  return isName('registry', host) && /\.[a-z]{2,63}$/.test(host);
}
