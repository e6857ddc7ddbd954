import type { OperatorContainer } from '../discovery/rules/index.ts';
import type { Finding, LocatedReference, Location } from '../inventory/finding.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { ScanLocation } from './image/candidate.ts';
import type { ConfirmedCandidate } from './image/confirm.ts';
import type { OperatorScanResult } from './operators.ts';

/** Image that only the files of an operator image name. */
export interface ScanFinding extends ConfirmedCandidate {
  /** Operator image. */
  readonly image: string;
}

/** Name without a confirmed version. Part of the JSON output. */
interface UnresolvedName extends ScanLocation {
  readonly image: string;
  readonly evidence: string;
  /** References of which one may exist; for a list of components, the names after the unknown prefix. */
  readonly possible: readonly string[];
}

/** Operator image that was scanned. Part of the JSON output. */
interface ScannedImage {
  readonly image: string;
  /** Parts that were not (fully) scanned, with the reason. */
  readonly givenUp: readonly string[];
  /** Number of names in manifests of older releases next to newer ones. */
  readonly older: number;
  /** Number of references checked in registries. */
  readonly asked: number;
}

/** Result of the operator image scan, without images that are known from other sources. Part of the JSON output. */
export interface OperatorScanReport {
  readonly found: readonly ScanFinding[];
  readonly open: readonly UnresolvedName[];
  readonly images: readonly ScannedImage[];
}

/**
 * Separates images found only by the operator image scan that are not to be bundled; they are listed separately. Images
 * also known from a render, rule or inventory stay, with the scan as additional evidence.
 */
export function separateScanFindings(
  findings: readonly Finding[],
  images: readonly OperatorScanResult[],
): { readonly findings: Finding[]; readonly scanReport: OperatorScanReport } {
  const isOnlyScanned = ({ confidence, found }: Finding): boolean =>
    confidence === 'possible' && found.every(({ how }) => how === 'inside-image');
  const onlyScanned = new Set(findings.filter(isOnlyScanned).map(({ reference }) => reference));
  const found = images.flatMap(({ image, candidates }) =>
    candidates.flatMap((candidate) => (onlyScanned.has(candidate.reference) ? [{ ...candidate, image }] : [])),
  );
  const open = images.flatMap(({ image, unresolved }) =>
    unresolved.map((name): UnresolvedName => {
      const { file, layer, offset, evidence } = name;
      const possible = 'possibleReferences' in name ? name.possibleReferences : name.components;
      return { image, file, layer, ...(offset === undefined ? {} : { offset }), evidence, possible };
    }),
  );
  return {
    findings: findings.filter(({ reference }) => !onlyScanned.has(reference)),
    scanReport: {
      found,
      open,
      images: images.map(({ image, skipped, olderNameCount, checkedCount }) => ({
        image,
        givenUp: skipped,
        older: olderNameCount,
        asked: checkedCount,
      })),
    },
  };
}

/** Returns the scan report for a bundle, without images that the bundle contains. */
export function scanReportFor(
  inventory: Inventory,
  findings: readonly Finding[],
  images: readonly OperatorScanResult[],
): OperatorScanReport {
  const { scanReport } = separateScanFindings(findings, images);
  const bundled = new Set(inventory.images.map(({ reference }) => reference));
  return { ...scanReport, found: scanReport.found.filter(({ reference }) => !bundled.has(reference)) };
}

/**
 * Converts scan findings to located references: `likely` if they are to be included and their confidence is not low,
 * else `possible`, which means listed but not bundled.
 */
export function scannedReferences(images: readonly OperatorScanResult[], isIncluded: boolean): LocatedReference[] {
  return images.flatMap(({ image, candidates, containers }) =>
    candidates.flatMap(({ reference, written, confidence, evidence, file, offset, line }) =>
      contextsOf(containers).map(
        (context): LocatedReference => ({
          ...context,
          template: '',
          document: 0,
          kind: 'Image',
          name: image,
          path: file,
          within: `${line === undefined ? `byte ${offset ?? 0}` : `line ${line}`}: ${confidence}, ${evidence}`,
          how: 'inside-image',
          written,
          reference,
          confidence: isIncluded && confidence !== 'low' ? 'likely' : 'possible',
          need: 'optional',
        }),
      ),
    ),
  );
}

/** Returns the distinct charts, profiles and parents of the containers. */
function contextsOf(containers: readonly OperatorContainer[]): Pick<Location, 'chart' | 'profile' | 'via'>[] {
  const contexts = containers.map(({ reference: { chart, profile, via } }) => ({
    ...{ chart, profile },
    ...(via === undefined ? {} : { via }),
  }));
  return [...new Map(contexts.map((context) => [JSON.stringify(context), context])).values()];
}
