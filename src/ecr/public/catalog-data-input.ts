import type { RepositoryCatalogData, RepositoryCatalogDataInput } from '@aws-sdk/client-ecr-public';
import type { CatalogData } from './catalog-data.ts';

/** Returns catalog data as API input. */
export function catalogDataInput({
  architectures,
  operatingSystems,
  logoImageBlob,
  ...texts
}: CatalogData): RepositoryCatalogDataInput {
  return {
    ...texts,
    ...(architectures && { architectures: [...architectures] }),
    ...(operatingSystems && { operatingSystems: [...operatingSystems] }),
    ...(logoImageBlob === undefined ? {} : { logoImageBlob: Buffer.from(logoImageBlob, 'base64') }),
  };
}

/**
 * Returns the input that gives a repository this catalog data and keeps its other fields; undefined if it has it. A logo
 * is always sent, because the API returns only its URL.
 */
export function changedCatalogData(
  present: RepositoryCatalogData,
  wanted: CatalogData,
): RepositoryCatalogDataInput | undefined {
  const { description, architectures, operatingSystems, aboutText, usageText } = present;
  const kept = { description, architectures, operatingSystems, aboutText, usageText };
  const { logoImageBlob, ...fields } = wanted;
  const isDifferent = Object.entries(fields).some(
    ([key, value]) => comparable(value) !== comparable(kept[key as keyof typeof fields]),
  );
  if (!isDifferent && logoImageBlob === undefined) return undefined;
  return { ...kept, ...catalogDataInput(wanted) };
}

/** Returns a text by which values are equal; lists have no order. */
function comparable(value: string | readonly string[] | undefined): string {
  return JSON.stringify(typeof value === 'object' ? [...value].sort() : (value ?? ''));
}
