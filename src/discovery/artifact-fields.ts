import type { FieldPath } from '../base/field-path.ts';
import type { Mapping } from '../base/mapping.ts';
import type { SplitPart } from '../inventory/finding.ts';
import { schemeOf } from '../oci/reference.ts';
import { artifactSources, SOURCE_GROUPS } from './artifact-sources.ts';
import { fieldsAt } from './field-pattern.ts';

/** A field of a custom resource from which its controller pulls an image or another OCI artifact. */
interface ArtifactField {
  /** API group without version. */
  readonly group: string;
  readonly kind: RegExp;
  /** As in {@link fieldsAt}. */
  readonly path: string;
  /** The text names an artifact only if it has a scheme of OCI; else it has one or none. */
  readonly needsScheme: boolean;
}

const KSERVE = { group: 'serving.kserve.io', needsScheme: true };

/**
 * KServe: pkg/apis/serving, and ParseOciScheme in pkg/utils/storage.go. Istio: without a scheme, a URL is one of OCI
 * (extensions/v1alpha1/wasm.proto). Envoy Gateway: `registry/image:tag` or `registry/image@sha256:digest`
 * (api/v1alpha1/wasm_types.go).
 */
const FIELDS: readonly ArtifactField[] = [
  { ...KSERVE, kind: /./, path: 'spec.**.storageUri' },
  { ...KSERVE, kind: /./, path: 'spec.**.storageUris.[].uri' },
  { ...KSERVE, kind: /^LLMInferenceService(?:Config)?$/, path: 'spec.model.uri' },
  { ...KSERVE, kind: /^LLMInferenceService(?:Config)?$/, path: 'spec.model.lora.adapters.[].uri' },
  { ...KSERVE, kind: /^LocalModel/, path: 'spec.**.sourceModelUri' },
  { group: 'extensions.istio.io', kind: /^WasmPlugin$/, path: 'spec.url', needsScheme: false },
  {
    group: 'gateway.envoyproxy.io',
    kind: /^EnvoyExtensionPolicy$/,
    path: 'spec.wasm.[].code.image.url',
    needsScheme: false,
  },
];

const GROUPS = new Set(FIELDS.map(({ group }) => group));
/** Objects whose fields need no scheme and no tag, so that nothing in their text has to look like a reference. */
const OBJECTS = /WasmPlugin|EnvoyExtensionPolicy|\bargoproj\.io\//;
const SCHEME = /\boci(?:\+[a-z]+)?:\/\//;

/** Kinds whose artifacts a controller or a proxy fetches, and no node pulls for a Pod. */
const FETCHED = /^(?:WasmPlugin|EnvoyExtensionPolicy|OCIRepository|Application|ApplicationSet)$/;

/** Reports whether a field names an artifact that only a controller fetches. It need not be an image that a node can run. */
export function isFetchedByController({ kind, path }: { readonly kind: string; readonly path: string }): boolean {
  return FETCHED.test(kind) && /\.(?:url|repoURL)$/.test(path);
}

/** Reports whether a text can contain such a field whose value has no other sign of a reference. */
export function mayContainArtifact(text: string): boolean {
  return SCHEME.test(text) || OBJECTS.test(text);
}

/** An OCI artifact that a field names. */
interface Artifact {
  /** The reference, with its scheme. */
  readonly written: string;
  /** Fields that are joined to it. */
  readonly parts?: readonly SplitPart[];
  /** `@` and the digest that the controller verifies; empty if it has none of its own. */
  readonly verified: string;
}

/** Artifacts by {@link artifactKey} of their first field; `part` for their other fields. */
export type Artifacts = ReadonlyMap<string, Artifact | 'part'>;

export const NO_ARTIFACTS: Artifacts = new Map();

/** Returns the key of a field. */
export function artifactKey({ path, within = '' }: FieldPath): string {
  return `${path}\n${within}`;
}

/** Returns the OCI artifacts that the fields of an object name. */
export function artifactsIn(object: Mapping, root: FieldPath): Artifacts {
  const group = typeof object.apiVersion === 'string' ? (object.apiVersion.split('/')[0] ?? '') : '';
  if (SOURCE_GROUPS.has(group)) {
    const sources = artifactSources(object, root);
    const entries = sources.flatMap(
      ({ fieldPaths: [first, ...others], ...artifact }): [string, Artifact | 'part'][] => [
        [artifactKey(first), { ...artifact, verified: '' }],
        ...others.map((other): [string, 'part'] => [artifactKey(other), 'part']),
      ],
    );
    return new Map(entries);
  }
  if (!GROUPS.has(group)) return NO_ARTIFACTS;
  const fields = FIELDS.filter((field) => field.group === group && field.kind.test(String(object.kind)));
  const found = fields.flatMap(({ path, needsScheme }) =>
    fieldsAt(object, path, root).flatMap(({ value, fieldPath, siblings }): [string, Artifact][] => {
      const written = String(value).trim();
      const isArtifact = schemeOf(written).startsWith('oci') || (!needsScheme && /^(?!.*:\/\/)./.test(written));
      return isArtifact ? [[artifactKey(fieldPath), { written, verified: checksumIn(siblings) }]] : [];
    }),
  );
  return new Map(found);
}

/** Istio and Envoy Gateway compare the image with a checksum next to its URL. */
function checksumIn({ sha256 }: Mapping): string {
  return typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) ? `@sha256:${sha256}` : '';
}
