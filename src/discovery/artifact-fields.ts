import type { FieldPath } from '../base/field-path.ts';
import type { Mapping } from '../base/mapping.ts';
import { schemeOf } from '../oci/reference.ts';
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
/** Kinds whose fields need no scheme and no tag, so that nothing in their text has to look like a reference. */
const KINDS = /WasmPlugin|EnvoyExtensionPolicy/;
const SCHEME = /\boci(?:\+[a-z]+)?:\/\//;

/** Reports whether a text can contain such a field whose value has no other sign of a reference. */
export function mayContainArtifact(text: string): boolean {
  return SCHEME.test(text) || KINDS.test(text);
}

/** Digests that the controller verifies, by {@link artifactKey}; empty for a field without one. */
export type ArtifactFields = ReadonlyMap<string, string>;

export const NO_ARTIFACTS: ArtifactFields = new Map();

/** Returns the key of a field. */
export function artifactKey({ path, within = '' }: FieldPath): string {
  return `${path}\n${within}`;
}

/** Returns the fields of an object that name OCI artifacts. */
export function artifactFields(object: Mapping, root: FieldPath): ArtifactFields {
  const group = typeof object.apiVersion === 'string' ? (object.apiVersion.split('/')[0] ?? '') : '';
  if (!GROUPS.has(group)) return NO_ARTIFACTS;
  const fields = FIELDS.filter((field) => field.group === group && field.kind.test(String(object.kind)));
  const found = fields.flatMap(({ path, needsScheme }) =>
    fieldsAt(object, path, root).flatMap(({ value, fieldPath, siblings }): [string, string][] => {
      const text = String(value).trim();
      const isArtifact = schemeOf(text).startsWith('oci') || (!needsScheme && text !== '' && !text.includes('://'));
      return isArtifact ? [[artifactKey(fieldPath), verifiedDigest(siblings)]] : [];
    }),
  );
  return new Map(found);
}

/** Istio and Envoy Gateway compare the image with a checksum next to its URL. */
function verifiedDigest({ sha256 }: Mapping): string {
  return typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256) ? `@sha256:${sha256}` : '';
}
