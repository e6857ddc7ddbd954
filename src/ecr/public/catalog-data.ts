import type { RepositoryCatalogData, RepositoryCatalogDataInput } from '@aws-sdk/client-ecr-public';
import * as z from 'zod';
import { BASE64 } from '../../base/base64.ts';
import { AirgapError, messageOf } from '../../base/errors.ts';

/** Bytes of a logo (API reference, RepositoryCatalogDataInput). */
const LOGO_LIMIT = 512_000;

/**
 * Catalog data of a repository, in the form of the API and of `aws ecr-public create-repository --catalog-data`, with
 * the limits of the API reference. ECR stores other architectures and systems too, but does not show them.
 */
const catalogDataSchema = z.strictObject({
  description: z.string().max(1024).optional(),
  architectures: z
    .array(z.enum(['ARM', 'ARM 64', 'x86', 'x86-64']))
    .readonly()
    .optional(),
  operatingSystems: z
    .array(z.enum(['Linux', 'Windows']))
    .readonly()
    .optional(),
  /** Markdown. */
  aboutText: z.string().max(25_600).optional(),
  usageText: z.string().max(25_600).optional(),
  /** Base64. */
  logoImageBlob: z
    .string()
    .regex(BASE64, 'not base64')
    .refine((text) => Buffer.byteLength(text, 'base64') <= LOGO_LIMIT, { error: `more than ${LOGO_LIMIT} bytes` })
    .optional(),
});

export type CatalogData = Readonly<z.infer<typeof catalogDataSchema>>;

/** Parses catalog data. @param what the flag and its file, for errors. @throws AirgapError `usage` */
export function parseCatalogData(what: string, text: string): CatalogData {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AirgapError('usage', `${what} is not JSON: ${messageOf(cause)}`, { cause });
  }
  const result = catalogDataSchema.safeParse(json);
  if (result.success) return result.data;
  const problems = result.error.issues.map(({ path, message }) => `${path.join('.') || 'file'}: ${message}`);
  throw new AirgapError('usage', `${what} is not catalog data: ${problems.join('; ')}`, {
    hint: 'example: {"description": "…", "architectures": ["x86-64", "ARM 64"], "operatingSystems": ["Linux"]}',
  });
}

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
