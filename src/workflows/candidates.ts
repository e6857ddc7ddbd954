import type { Emit } from '../base/events.ts';
import { printableLine } from '../base/printable.ts';
import type { Finding, Place } from '../lock/finding.ts';

/** Maximum number of registry requests caused by one object of a chart. Real objects name up to about 40 images. */
const OBJECT_LIMIT = 500;
/** Maximum number of registry requests caused by one image config. */
const IMAGE_LIMIT = 100;
/** Maximum number of references in a warning. */
const NAMED = 5;

/**
 * Limits the registry requests that one object of a chart, or one image config, can cause by naming images. Findings
 * below `certain` beyond the limit are skipped with a warning.
 */
export class CandidateLimit {
  readonly #emit: Emit;
  readonly #skipped = new Set<string>();

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Returns the findings within the limits, in the same order. */
  within(findings: readonly Finding[]): Finding[] {
    const counts = new Map<string, number>();
    const beyond: { readonly source: string; readonly finding: Finding }[] = [];
    const within = findings.filter((finding) => {
      if (finding.confidence === 'certain') return true;
      const sources = new Map(finding.found.map((place) => [sourceOf(place), limitOf(place)]));
      const free = [...sources].find(([source, limit]) => (counts.get(source) ?? 0) < limit)?.[0];
      if (free !== undefined) counts.set(free, (counts.get(free) ?? 0) + 1);
      else beyond.push({ source: [...sources.keys()][0] ?? '', finding });
      return free !== undefined;
    });
    for (const [source, left] of Map.groupBy(beyond, (one) => one.source)) {
      this.#warn(
        source,
        left.map(({ finding }) => finding),
        counts.get(source) ?? 0,
      );
    }
    return within;
  }

  #warn(source: string, left: readonly Finding[], kept: number): void {
    const fresh = left.filter(({ reference }) => !this.#skipped.has(reference));
    if (fresh.length === 0) return;
    for (const { reference } of fresh) this.#skipped.add(reference);
    const named = fresh.slice(0, NAMED).map(({ reference }) => reference);
    const more = fresh.length > NAMED ? ` and ${fresh.length - NAMED} more` : '';
    const message = `${source} names more than ${kept} uncertain images; not checked in registries: ${named.join(', ')}${more}`;
    this.#emit({ type: 'warning', message });
  }
}

function limitOf({ how }: Place): number {
  return how === 'image-config' ? IMAGE_LIMIT : OBJECT_LIMIT;
}

function sourceOf({ how, chart, template, kind, name, document }: Place): string {
  if (how === 'image-config') return `the config of ${printableLine(name)}`;
  return printableLine(`${kind}/${name} of chart ${chart} (document ${document + 1} of ${template})`);
}
