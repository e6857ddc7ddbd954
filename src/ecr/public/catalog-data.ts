import * as z from 'zod';
import { BASE64 } from '../../base/base64.ts';
import { AirgapError, messageOf } from '../../base/errors.ts';

/** Bytes of a logo (API reference, RepositoryCatalogDataInput). */
const LOGO_LIMIT = 512_000;

/** Maximum characters of the texts (same page). */
export const CATALOG_LIMITS = { description: 1024, aboutText: 25_600, usageText: 25_600 } as const;

/**
 * Catalog data of a repository, in the form of the API and of `aws ecr-public create-repository --catalog-data`, with
 * the limits of the API reference. ECR stores other architectures and systems too, but does not show them.
 */
const catalogDataSchema = z.strictObject({
  description: z.string().max(CATALOG_LIMITS.description).optional(),
  architectures: z
    .array(z.enum(['ARM', 'ARM 64', 'x86', 'x86-64']))
    .readonly()
    .optional(),
  operatingSystems: z
    .array(z.enum(['Linux', 'Windows']))
    .readonly()
    .optional(),
  aboutText: z.string().max(CATALOG_LIMITS.aboutText).optional(),
  usageText: z.string().max(CATALOG_LIMITS.usageText).optional(),
  logoImageBlob: z
    .string()
    .regex(BASE64, 'not base64')
    .refine((text) => Buffer.byteLength(text, 'base64') <= LOGO_LIMIT, { error: `more than ${LOGO_LIMIT} bytes` })
    .optional(),
});

/** What ECR Public shows of a repository, with any architectures and systems. */
export interface CatalogData {
  /** At most {@link CATALOG_LIMITS} characters, as `aboutText` and `usageText`. */
  readonly description?: string | undefined;
  readonly architectures?: readonly string[] | undefined;
  readonly operatingSystems?: readonly string[] | undefined;
  /** Markdown. */
  readonly aboutText?: string | undefined;
  readonly usageText?: string | undefined;
  /** Base64. The API does not return it. */
  readonly logoImageBlob?: string | undefined;
}

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
