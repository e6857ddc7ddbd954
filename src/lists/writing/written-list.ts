import type { Document } from 'yaml';
import { isName } from '../../base/names.ts';
import { printableLine } from '../../base/printable.ts';
import { textBefore, trimTrailing } from '../../base/text-trim.ts';

/** Chart in a repository or registry. */
export interface WrittenChart {
  readonly name: string;
  readonly version: string;
  /** URL of a chart repository, or `oci://` and the repository without the chart's name. */
  readonly repository: string;
}

/** Charts and images for a list. */
export interface WrittenList {
  readonly charts: readonly WrittenChart[];
  /** Normalized references. */
  readonly images: readonly string[];
  /** What the list does not have, for comments. */
  readonly remarks: readonly string[];
}

/**
 * Returns the chart of an address such as `https://charts.example/stable/app` or `oci://registry.example/charts/app`;
 * undefined for a file or folder.
 */
export function chartAt(source: string, version: string): WrittenChart | undefined {
  if (!/^(?:https?|oci):\/\//.test(source)) return undefined;
  const address = trimTrailing(textBefore(source, '@'), '/');
  const slash = address.lastIndexOf('/');
  const name = textBefore(address.slice(slash + 1), ':');
  const repository = address.slice(0, slash);
  return isName('chart name', name) && /^[^:]+:\/\/[^/]/.test(repository) ? { name, version, repository } : undefined;
}

/** Adds lines of comments to the end of a document, and returns it. */
export function commented(document: Document, lines: readonly string[]): Document {
  if (lines.length > 0) document.comment = lines.map((line) => ` ${printableLine(line)}`).join('\n');
  return document;
}
