import { childPath, type FieldPath, innermostPath } from '../base/field-path.ts';
import { asMapping, isMapping, type Mapping } from '../base/mapping.ts';
import { isName } from '../base/names.ts';
import type { SplitPart } from '../inventory/finding.ts';
import { isDigest } from '../oci/digest.ts';

/** An OCI artifact that a GitOps tool fetches, named by several fields. */
export interface ArtifactSource {
  /** Paths of the fields, first that of the repository. */
  readonly fieldPaths: readonly [FieldPath, ...FieldPath[]];
  /** The joined reference, with the scheme of the repository. */
  readonly written: string;
  readonly parts: readonly SplitPart[];
}

/** API groups of the objects that name such artifacts. */
export const SOURCE_GROUPS: ReadonlySet<string> = new Set(['argoproj.io', 'source.toolkit.fluxcd.io']);

/**
 * Returns the OCI artifacts of an Argo CD Application or ApplicationSet, or of a Flux OCIRepository: charts, and archives of
 * manifests. Only those with one exact tag or digest: which tag a version range means is known only to a registry.
 */
export function artifactSources(object: Mapping, root: FieldPath): ArtifactSource[] {
  const group = String(object.apiVersion).split('/')[0];
  const specPath = childPath(root, 'spec');
  if (group === 'source.toolkit.fluxcd.io')
    return object.kind === 'OCIRepository' ? fluxSource(asMapping(object.spec), specPath) : [];
  if (group !== 'argoproj.io') return [];
  if (object.kind === 'Application') return argoSources(asMapping(object.spec), specPath);
  if (object.kind !== 'ApplicationSet') return [];
  const template = asMapping(asMapping(object.spec).template);
  return argoSources(asMapping(template.spec), childPath(childPath(specPath, 'template'), 'spec'));
}

/** Of `ref`, the digest precedes the range, and the range the tag; without any it is `latest` (Flux, OCIRepository). */
function fluxSource({ url, ref }: Mapping, path: FieldPath): ArtifactSource[] {
  if (typeof url !== 'string' || !url.startsWith('oci://')) return [];
  const repository = part('repository', url, childPath(path, 'url'));
  const { digest, semver, tag } = asMapping(ref);
  const refPath = childPath(path, 'ref');
  if (textOf(digest) !== '') return joined([repository], textOf(digest), childPath(refPath, 'digest'));
  if (textOf(semver) !== '') return [];
  return textOf(tag) === ''
    ? [{ fieldPaths: [repository.fieldPath], written: url, parts: [repository.part] }]
    : joined([repository], textOf(tag), childPath(refPath, 'tag'));
}

function argoSources(spec: Mapping, path: FieldPath): ArtifactSource[] {
  // If `sources` is set, `source` is ignored (Argo CD, docs/user-guide/multiple_sources.md).
  if (!Array.isArray(spec.sources) || spec.sources.length === 0)
    return argoSource(spec.source, childPath(path, 'source'));
  const sourcesPath = childPath(path, 'sources');
  return spec.sources.flatMap((source: unknown, i) => argoSource(source, childPath(sourcesPath, i)));
}

/** A chart's repository without a scheme is an OCI registry (Argo CD, docs/user-guide/helm.md); others have one (oci.md). */
export function argoSource(source: unknown, path: FieldPath): ArtifactSource[] {
  if (!isMapping(source) || typeof source.repoURL !== 'string') return [];
  const { repoURL } = source;
  const chart = textOf(source.chart);
  const revision = textOf(source.targetRevision);
  const isOci = repoURL.startsWith('oci://') || (chart !== '' && repoURL.includes('/') && !repoURL.includes('://'));
  if (!isOci || revision === '' || isRange(revision)) return [];
  const repository = part('repository', repoURL, childPath(path, 'repoURL'));
  const name = chart === '' ? [] : [part('image', chart, childPath(path, 'chart'))];
  return joined([repository, ...name], revision, childPath(path, 'targetRevision'));
}

/** Reports whether a revision begins like a version and is none: `1.x`, `1.*`, `^1.2`, `>= 1`. */
function isRange(revision: string): boolean {
  return (
    /^(?:v?[\dxX*]|[\^~<>=!])/.test(revision) &&
    !isDigest(revision) &&
    !/^v?\d+(?:\.\d+){0,2}(?:[-+@].*)?$/.test(revision)
  );
}

interface NamePart {
  readonly fieldPath: FieldPath;
  readonly part: SplitPart;
}

function part(role: SplitPart['role'], text: string, fieldPath: FieldPath): NamePart {
  return { fieldPath, part: { role, path: innermostPath(fieldPath), text } };
}

/** Joins the fields of a name with a tag, a digest, or both in one text; nothing if the text is neither. */
function joined(names: readonly [NamePart, ...NamePart[]], revision: string, path: FieldPath): ArtifactSource[] {
  const [tag = '', digest] = isDigest(revision) ? ['', revision] : revision.split('@');
  if ((tag !== '' && !isName('tag', tag)) || (digest !== undefined && !isDigest(digest))) return [];
  const [separator, revisionPart] =
    tag === '' ? ['@', part('digest', revision, path)] : [':', part('tag', revision, path)];
  const [first, ...others] = [...names, revisionPart] as const;
  return [
    {
      fieldPaths: [first.fieldPath, ...others.map(({ fieldPath }) => fieldPath)],
      written: names.map(({ part: { text } }) => text).join('/') + separator + revision,
      parts: [first.part, ...others.map((other) => other.part)],
    },
  ];
}

/** Returns a string or a number, as YAML parses a tag such as 1.20, as text. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim() : typeof value === 'number' ? String(value) : '';
}
