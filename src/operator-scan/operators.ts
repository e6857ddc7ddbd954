import { AirgapError } from '../base/errors.ts';
import type { OperatorContainer } from '../discovery/rules/index.ts';
import { type Finding, isBundledByDefault, type LocatedReference } from '../inventory/finding.ts';
import { parseReference, tagOrDigestOf, tryParseReference } from '../oci/reference.ts';
import type { RegistryClient } from '../registry/client.ts';
import type { ComponentList, Guess } from './image/candidate.ts';
import { type ConfirmedCandidate, confirmInRegistry, type Existence } from './image/confirm.ts';
import { publishersOf } from './image/image-names.ts';
import type { ImageFindings } from './image/scan-image.ts';

/** Chart with its operators. */
export interface ChartOperators {
  readonly operators: readonly OperatorContainer[];
  readonly references: readonly LocatedReference[];
}

/** Operator image, with its data from charts. */
export interface OperatorImage {
  readonly image: string;
  /** Containers that run the image. */
  readonly containers: readonly OperatorContainer[];
  /** Publishers of the images of the same charts. */
  readonly publishers: ReadonlySet<string>;
}

/** Result of scanning an operator image. */
export interface OperatorScanResult {
  /** Operator image. */
  readonly image: string;
  readonly candidates: readonly ConfirmedCandidate[];
  /** Names without a confirmed version. */
  readonly unresolved: readonly (Guess | ComponentList)[];
  /** Parts that were not (fully) scanned, with the reason. */
  readonly skipped: readonly string[];
  /** Number of names in manifests of older releases next to newer ones. */
  readonly olderNameCount: number;
  /** Number of references checked in registries. */
  readonly checkedCount: number;
  /** Containers that run the image. */
  readonly containers: readonly OperatorContainer[];
}

/** Keeps the operators whose images are selected for the bundle. */
export function selectedOperators(charts: readonly ChartOperators[], findings: readonly Finding[]): ChartOperators[] {
  const images = new Set(findings.filter(isBundledByDefault).map(({ reference }) => reference));
  return charts.map(({ operators, references }) => ({
    references,
    operators: operators.filter(({ reference }) => images.has(reference.reference)),
  }));
}

/** Returns the distinct operator images of charts. */
export function operatorImagesOf(charts: readonly ChartOperators[]): OperatorImage[] {
  const images = new Map<string, { readonly containers: OperatorContainer[]; readonly publishers: Set<string> }>();
  for (const { operators, references } of charts) {
    for (const operator of operators) {
      const image = operator.reference.reference;
      const entry = images.get(image) ?? { containers: [], publishers: new Set<string>() };
      entry.containers.push(operator);
      for (const reference of references)
        for (const publisher of publishersOfText(reference.reference)) entry.publishers.add(publisher);
      images.set(image, entry);
    }
  }
  return [...images].map(([image, details]) => ({ image, ...details }));
}

function publishersOfText(reference: string): string[] {
  const parsed = tryParseReference(reference);
  return parsed === undefined ? [] : publishersOf(parsed);
}

/** Confirms the scan findings of an operator image in registries. */
export async function confirmScan(
  { image, containers }: OperatorImage,
  findings: ImageFindings,
  checkExistence: (reference: string) => Promise<Existence>,
  concurrency: number,
): Promise<OperatorScanResult> {
  const confirmed = await confirmInRegistry(findings, { checkExistence, concurrency });
  const { skipped, olderNameCount } = findings;
  return { image, ...confirmed, skipped, olderNameCount, containers };
}

/** Returns a function that checks references with HEAD requests. It does not retry an unreachable registry. */
export function existenceChecker(client: Pick<RegistryClient, 'head'>): (reference: string) => Promise<Existence> {
  const unreachable = new Set<string>();
  return async (reference) => {
    const parsed = parseReference(reference);
    if (unreachable.has(parsed.registry)) return 'unknown';
    try {
      return (await client.head(parsed, tagOrDigestOf(parsed))) === undefined ? 'missing' : 'there';
    } catch (error) {
      if (error instanceof AirgapError && error.code === 'network') unreachable.add(parsed.registry);
      return 'unknown';
    }
  };
}
