import type { Emit } from '../../base/events.ts';
import { printableLine } from '../../base/printable.ts';
import type { Finding, Location } from '../../inventory/finding.ts';

/** Maximum number of registry requests caused by one object of a chart. Real objects name up to about 40 images. */
const OBJECT_LIMIT = 500;
/** Maximum number of registry requests caused by one image config. */
const IMAGE_LIMIT = 100;
/** Maximum number of references in a warning. */
const MAX_NAMED = 5;

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
    const excess: { readonly source: string; readonly finding: Finding }[] = [];
    const kept = findings.filter((finding) => {
      if (finding.confidence === 'certain') return true;
      const sources = new Map(finding.found.map((location) => [sourceOf(location), limitOf(location)]));
      const available = [...sources].find(([source, limit]) => (counts.get(source) ?? 0) < limit)?.[0];
      if (available !== undefined) counts.set(available, (counts.get(available) ?? 0) + 1);
      else excess.push({ source: [...sources.keys()][0] ?? '', finding });
      return available !== undefined;
    });
    for (const [source, skipped] of Map.groupBy(excess, (entry) => entry.source)) {
      this.#warn(
        source,
        skipped.map(({ finding }) => finding),
        counts.get(source) ?? 0,
      );
    }
    return kept;
  }

  #warn(source: string, skipped: readonly Finding[], kept: number): void {
    const newlySkipped = skipped.filter(({ reference }) => !this.#skipped.has(reference));
    if (newlySkipped.length === 0) return;
    for (const { reference } of newlySkipped) this.#skipped.add(reference);
    const named = newlySkipped.slice(0, MAX_NAMED).map(({ reference }) => reference);
    const more = newlySkipped.length > MAX_NAMED ? ` and ${newlySkipped.length - MAX_NAMED} more` : '';
    const message = `${source} names more than ${kept} uncertain images; not checked in registries: ${named.join(', ')}${more}`;
    this.#emit({ type: 'warning', message });
  }
}

function limitOf({ how }: Location): number {
  return how === 'image-config' ? IMAGE_LIMIT : OBJECT_LIMIT;
}

function sourceOf({ how, chart, template, kind, name, document }: Location): string {
  if (how === 'image-config') return `the config of ${printableLine(name)}`;
  return printableLine(`${kind}/${name} of chart ${chart} (document ${document + 1} of ${template})`);
}
