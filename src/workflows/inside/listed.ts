import type { InsidePlace } from '../../inside/candidate.ts';
import type { ConfirmedCandidate } from '../../inside/confirm.ts';
import type { Finding } from '../../lock/finding.ts';
import type { Lock } from '../../lock/lock.ts';
import type { InsideImage } from './subject.ts';

/** Image that only the files of an operator image name. */
export interface InsideFinding extends ConfirmedCandidate {
  /** Operator image. */
  readonly image: string;
}

/** Name without a confirmed version. */
export interface OpenName extends InsidePlace {
  readonly image: string;
  readonly evidence: string;
  /** References of which one may exist; for a list of components, the names after the unknown prefix. */
  readonly possible: readonly string[];
}

/** Result of the operator image scan, without images that are known from other sources. */
export interface Inside {
  readonly found: readonly InsideFinding[];
  readonly open: readonly OpenName[];
  readonly images: readonly Pick<InsideImage, 'image' | 'givenUp' | 'older' | 'asked'>[];
}

/**
 * Separates images found only by the operator image scan that are not to be bundled; they are listed separately. Images
 * also known from a render, rule or inventory stay, with the scan as additional evidence.
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

/** Returns the scan report for a bundle, without images that the bundle contains. */
export function beside(lock: Lock, findings: readonly Finding[], images: readonly InsideImage[]): Inside {
  const { inside } = apart(findings, images);
  const carried = new Set(lock.images.map(({ reference }) => reference));
  return { ...inside, found: inside.found.filter(({ reference }) => !carried.has(reference)) };
}
