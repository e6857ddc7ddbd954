import { isNode, isScalar, LineCounter } from 'yaml';
import type { KeyPath } from '../../base/field-path.ts';
import { readYamlDocument } from '../../base/yaml-read.ts';
import { withLineFeeds } from '../../helm/go-yaml.ts';

/** Where a values file is. */
export interface ValuesFileOrigin {
  /** Absolute path; for a file in an archive that of the archive, or the address of the chart. */
  readonly file: string;
  /** Path inside the archive. */
  readonly inArchive?: string;
}

/** A scalar of a values file. */
export interface ValuesScalar {
  readonly text: string;
  /** From 1. */
  readonly line: number;
  /** It, or a mapping or list around it, has an anchor, so that aliases elsewhere may have the same text. */
  readonly isAnchored: boolean;
}

/** Reports whether a scalar holds more than a name, such as a script: that text is neither printed nor changed. */
export function isLongText({ text }: Pick<ValuesScalar, 'text'>): boolean {
  return /\s/.test(text);
}

/** A values file whose scalars can be found by their keys. */
export class ValuesFile implements ValuesFileOrigin {
  readonly file: string;
  readonly inArchive?: string;
  /** The first error of a text that is not YAML, with its line. */
  readonly problem: string | undefined;
  readonly #document: ReturnType<typeof readYamlDocument>;
  readonly #lines = new LineCounter();

  constructor({ file, inArchive }: ValuesFileOrigin, text: string) {
    this.file = file;
    if (inArchive !== undefined) this.inArchive = inArchive;
    this.#document = readYamlDocument(withLineFeeds(text), { lineCounter: this.#lines });
    const [error] = this.#document.errors;
    this.problem = error && `line ${this.#lines.linePos(error.pos[0]).line}: ${error.message}`;
  }

  /** Returns the string at the end of the keys; undefined if there is none, or only by an alias or a merge key. */
  scalarAt(keys: KeyPath): ValuesScalar | undefined {
    if (this.problem !== undefined) return undefined;
    const node = this.#document.getIn(keys, true);
    if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return undefined;
    const around = keys.map((_, i) => this.#document.getIn(keys.slice(0, i), true));
    const isAnchored = [node, ...around].some((each) => isNode(each) && 'anchor' in each && each.anchor !== undefined);
    return { text: node.value, line: this.#lines.linePos(node.range[0]).line, isAnchored };
  }

  /** Returns the values; undefined if the text is not YAML. */
  values(): unknown {
    return this.problem === undefined ? this.#document.toJS({ maxAliasCount: 1000 }) : undefined;
  }
}
