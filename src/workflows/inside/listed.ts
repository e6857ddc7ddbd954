import type { InsidePlace } from '../../inside/candidate.ts';
import type { ConfirmedCandidate } from '../../inside/confirm.ts';
import type { Finding } from '../../lock/finding.ts';
import type { Lock } from '../../lock/lock.ts';
import type { InsideImage } from './subject.ts';

/** A reference that only the files of an operator's image name. */
export interface InsideFinding extends ConfirmedCandidate {
  /** The operator's image. */
  readonly image: string;
}

/** Names whose version nobody could say. */
export interface OpenName extends InsidePlace {
  readonly image: string;
  readonly evidence: string;
  /** References of which one may be right; of a list of components, what stands behind an unknown folder. */
  readonly possible: readonly string[];
}

/** What was found inside operators, beside what is known anyway. */
export interface Inside {
  readonly found: readonly InsideFinding[];
  readonly open: readonly OpenName[];
  readonly images: readonly Pick<InsideImage, 'image' | 'givenUp' | 'older' | 'asked'>[];
}

/**
 * Takes apart what only the insides of images show and nobody wants to bundle: it is listed by itself. What a render, a
 * rule or a lock knows too stays where it is, with one piece of evidence more.
 */
export function apart(
  findings: readonly Finding[],
  images: readonly InsideImage[],
): { readonly findings: Finding[]; readonly inside: Inside } {
  const isOnlyInside = ({ confidence, found }: Finding): boolean =>
    confidence === 'possible' && found.every(({ how }) => how === 'inside-image');
  const only = new Set(findings.filter(isOnlyInside).map(({ reference }) => reference));
  const found = images.flatMap(({ image, candidates }) =>
    candidates.flatMap((candidate) => (only.has(candidate.reference) ? [{ ...candidate, image }] : [])),
  );
  const open = images.flatMap(({ image, open: names }) =>
    names.map((name): OpenName => {
      const { file, layer, offset, evidence } = name;
      const possible = 'possible' in name ? name.possible : name.members;
      return { image, file, layer, ...(offset === undefined ? {} : { offset }), evidence, possible };
    }),
  );
  return {
    findings: findings.filter(({ reference }) => !only.has(reference)),
    inside: {
      found,
      open,
      images: images.map(({ image, givenUp, older, asked }): Inside['images'][number] => ({
        image,
        givenUp,
        older,
        asked,
      })),
    },
  };
}

/** The same for a bundle: what it carries is not listed. */
export function beside(lock: Lock, findings: readonly Finding[], images: readonly InsideImage[]): Inside {
  const { inside } = apart(findings, images);
  const carried = new Set(lock.images.map(({ reference }) => reference));
  return { ...inside, found: inside.found.filter(({ reference }) => !carried.has(reference)) };
}
