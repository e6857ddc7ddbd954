import { printableLine } from '../../base/printable.ts';
import type { Values } from '../../helm/render.ts';
import type { Target } from '../../oci/naming.ts';

/** One file of a format. */
export interface FormattedFile {
  /** Relative, with slashes. */
  readonly path: string;
  readonly text: string;
}

/** What a format makes of references or overrides. Equal input gives equal bytes. */
export interface Formatted {
  readonly files: readonly FormattedFile[];
  /** What the format cannot say exactly, in words; it is left out of the files but for a comment. */
  readonly left: readonly string[];
}

/** A chart with its overrides, as a delivery tool installs it. */
export interface DeliveredChart {
  readonly name: string;
  /** As the chart has it. */
  readonly version: string;
  readonly releaseName: string;
  readonly namespace: string;
  readonly target: Target;
  readonly overrides: Values;
  /** Lines for the head of the file: what was proved, and what is still public. */
  readonly header: readonly string[];
  /** Whether the target speaks HTTP without TLS. */
  readonly plainHttp: boolean;
}

/** A comment block in front of a YAML text: each line stays one, whatever it quotes. */
export function commented(lines: readonly string[]): string {
  return lines.map((line) => `# ${printableLine(line)}\n`).join('');
}
