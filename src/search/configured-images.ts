import { readFile } from 'node:fs/promises';
import { formatFieldPath, type KeyPath, type KindField } from '../base/field-path.ts';
import { asMapping, isMapping } from '../base/mapping.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import { isLocationBundledByDefault, type LocatedReference } from '../inventory/finding.ts';
import type { ManifestSource } from '../manifests/index.ts';
import { findKustomization, kustomizationInputs } from '../manifests/kustomization-inputs.ts';
import { formatReference, tryParseReference } from '../oci/reference.ts';

/** Fields that kustomizations add to the image transformer. */
export interface ConfiguredFields {
  readonly own: readonly KindField[];
  /** Those of bases and components, in whose objects there are images too. */
  readonly ofBases: readonly KindField[];
}

/** Returns the fields that a kustomization and its local bases add to the image transformer; none for other manifests. */
export async function configuredFields({ kind, path }: ManifestSource): Promise<ConfiguredFields> {
  if (kind !== 'kustomize') return { own: [], ofBases: [] };
  const file = await findKustomization(path);
  const text = file === undefined ? undefined : await readFile(file, 'utf8').catch(() => undefined);
  if (file === undefined || text === undefined) return { own: [], ofBases: [] };
  const { configurations, baseConfigurations } = await kustomizationInputs(file, text);
  return { own: imageFields(configurations), ofBases: imageFields(baseConfigurations) };
}

/** Returns the fields of the image transformer in parsed files of `configurations`. */
export function imageFields(configurations: readonly Record<string, unknown>[]): KindField[] {
  return configurations.flatMap(({ images }) =>
    (Array.isArray(images) ? images : []).flatMap((field): KindField[] => {
      const { kind, path } = asMapping(field);
      if (typeof path !== 'string') return [];
      const keys = path.split('/').map((key) => key.replace(/\[\]$/, ''));
      return [{ kind: typeof kind === 'string' && kind !== '' ? kind : undefined, keys }];
    }),
  );
}

/**
 * Returns the references with those in configured fields: that they are images is certain there, whatever the fields are
 * called and however short the names are.
 */
export function withConfiguredImages(
  found: readonly LocatedReference[],
  documents: readonly RenderedDocument[],
  fields: readonly KindField[],
  context: Pick<LocatedReference, 'chart' | 'profile'>,
): readonly LocatedReference[] {
  const known = new Set(found.filter(isLocationBundledByDefault).map(keyOf));
  const added = documents.flatMap((document) =>
    imagesIn(document, fields, context).filter((reference) => !known.has(keyOf(reference))),
  );
  const replaced = new Set(added.map(keyOf));
  return added.length === 0 ? found : [...found.filter((reference) => !replaced.has(keyOf(reference))), ...added];
}

function imagesIn(
  { object, template, index }: RenderedDocument,
  fields: readonly KindField[],
  context: Pick<LocatedReference, 'chart' | 'profile'>,
): LocatedReference[] {
  const kind = String(object?.kind ?? '');
  const places = new Map<string, string>();
  for (const field of fields) {
    if ((field.kind ?? kind) !== kind) continue;
    for (const [path, text] of textsAt(object, field.keys, [])) places.set(path, text);
  }
  return [...places].flatMap(([path, written]): LocatedReference[] => {
    const parsed = tryParseReference(written);
    if (parsed === undefined) return [];
    const name = String(asMapping(object?.metadata).name ?? '');
    const location = { ...context, template, document: index, kind, name, path, written };
    return [
      {
        ...location,
        how: 'custom-resource',
        reference: formatReference(parsed),
        confidence: 'certain',
        need: 'install',
      },
    ];
  });
}

/** Returns the texts at the end of keys, with their paths. Lists are entered, as kustomize does. */
function textsAt(value: unknown, keys: readonly string[], path: KeyPath): [path: string, text: string][] {
  if (Array.isArray(value)) return value.flatMap((item, i) => textsAt(item, keys, [...path, i]));
  const [key, ...rest] = keys;
  if (key === undefined) return typeof value === 'string' ? [[formatFieldPath(path), value]] : [];
  if (!isMapping(value) || !Object.hasOwn(value, key)) return [];
  return textsAt(value[key], rest, [...path, key]);
}

function keyOf({ document, template, path, within }: LocatedReference): string {
  return JSON.stringify([template, document, path, within]);
}
