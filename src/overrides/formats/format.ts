import { printableLine } from '../../base/printable.ts';
import type { Values } from '../../helm/render.ts';
import { formatTarget, type Target } from '../../naming/naming.ts';

/** Generated file. */
export interface GeneratedFile {
  /** Relative path with slashes. */
  readonly path: string;
  readonly text: string;
}

/** Files generated from references or overrides. Output is deterministic. */
export interface GeneratedFiles {
  readonly files: readonly GeneratedFile[];
  /** Content that the format cannot express, one sentence each; the files mention it in comments only. */
  readonly left: readonly string[];
}

/** Chart with its overrides, as a delivery tool (Argo CD, Flux) installs it. */
export interface DeliveredChart {
  readonly name: string;
  /** Version as in Chart.yaml. */
  readonly version: string;
  readonly releaseName: string;
  readonly namespace: string;
  readonly target: Target;
  readonly overrides: Values;
  /** Comment lines for the top of the file: result of the proof, and references that are still public. */
  readonly header: readonly string[];
  /** Access the target over HTTP without TLS. */
  readonly plainHttp: boolean;
}

/** Formats the first line of a file with references. */
export function imagesTitle(charts: readonly string[], target: Target): string {
  return `Images of ${charts.join(', ') || 'a list'}, target ${formatTarget(target)}.`;
}

/** Formats comment lines for the top of a YAML file; each stays on one line whatever it quotes. */
export function commentBlock(lines: readonly string[]): string {
  return lines.map((line) => `# ${printableLine(line)}\n`).join('');
}
