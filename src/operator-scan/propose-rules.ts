import { type Rule, releaseOf } from '../discovery/rules/index.ts';
import { parseReference, tagOrDigestOf } from '../oci/reference.ts';
import type { OperatorScanResult } from './operators.ts';
import type { OperatorScanReport, ScanFinding } from './results.ts';

/** Rule to be reviewed by the user. */
export interface ProposedRule {
  readonly rule: Rule;
  /** Names of its images without a known redirect. */
  readonly withoutRedirect: readonly string[];
}

/**
 * Proposes rules for scan findings: one per operator, for its exact version. The redirect of an image is the setting
 * next to its name in code, or a matching one in the manifest of the operator; otherwise `none`, to be completed by the
 * user.
 */
export function proposeRules(
  { found }: Pick<OperatorScanReport, 'found'>,
  images: readonly OperatorScanResult[],
): ProposedRule[] {
  return images.flatMap((image): ProposedRule[] => {
    const ownFindings = found.filter((finding) => finding.image === image.image && finding.confidence !== 'low');
    if (ownFindings.length === 0) return [];
    const operator = parseReference(image.image);
    const release = releaseOf(operator.tag);
    const withoutRedirect: string[] = [];
    const names = new Set<string>();
    const proposed = ownFindings.map((candidate): Rule['images'][number] => {
      const name = uniqueName(candidate, names);
      const redirect = redirectOf(candidate, image) ?? { kind: 'none' as const };
      if (redirect.kind === 'none') withoutRedirect.push(name);
      return {
        name,
        reference: candidate.reference,
        source: `${candidate.file}: ${candidate.evidence}`,
        ...(release === undefined ? {} : { versions: release }),
        need: 'optional',
        redirect,
      };
    });
    const rule: Rule = {
      // The full path, since the last component is often just `operator` and rule names must differ.
      operator: operator.path.replaceAll('/', '-'),
      source: `the files of ${operator.registry}/${operator.path}, ${tagOrDigestOf(operator)}; found by the operator image scan, to be reviewed`,
      when: { images: [operator.path] },
      images: proposed,
    };
    return [{ rule, withoutRedirect }];
  });
}

/** Returns the last path component, with a number if it is taken. */
function uniqueName({ reference }: ScanFinding, names: Set<string>): string {
  const last = parseReference(reference).path.split('/').at(-1) ?? reference;
  let name = last;
  for (let i = 2; names.has(name); i++) name = `${last}-${i}`;
  names.add(name);
  return name;
}

type Redirect = Rule['images'][number]['redirect'];

function redirectOf({ setting, reference }: ScanFinding, { containers }: OperatorScanResult): Redirect | undefined {
  if (setting !== undefined && /^[A-Z][A-Z0-9_]*$/.test(setting)) return { kind: 'env', name: setting };
  if (setting !== undefined && /^[a-z][a-z0-9]*(?:-[a-z0-9]+)+$/.test(setting)) {
    return { kind: 'argument', name: `--${setting}` };
  }
  const words = wordsOf(parseReference(reference).path.split('/').at(-1) ?? '');
  const fits = (name: string): boolean => /image/i.test(name) && words.every((word) => wordsOf(name).includes(word));
  const variable = containers.flatMap(({ variables }) => variables).find(fits);
  if (variable !== undefined) return { kind: 'env', name: variable };
  const flags = containers.flatMap((container) => container.words).flatMap((word) => /^--[\w-]+/.exec(word)?.[0] ?? []);
  const flag = flags.find(fits);
  return flag === undefined ? undefined : { kind: 'argument', name: flag };
}

function wordsOf(name: string): string[] {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '');
}
