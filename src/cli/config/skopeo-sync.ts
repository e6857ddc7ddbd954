import { type Document, isScalar, visit } from 'yaml';
import * as z from 'zod';
import { isName } from '../../base/names.ts';
import { registerSecret } from '../../base/redact.ts';
import { patternProblem } from '../../base/user-pattern.ts';
import { isDigest } from '../../oci/digest.ts';
import { type Repository, tryParseRepository } from '../../oci/reference.ts';
import type { RepositorySelection } from '../../workflows/mirror/listing/index.ts';
import { isVersionRange } from '../../workflows/mirror/listing/version-range.ts';
import { readDocument } from './document.ts';

/** What a file for `skopeo sync --src yaml` names (skopeo-sync(1)). */
export interface SkopeoSync {
  readonly repositories: readonly RepositorySelection[];
  /** Logins, each for one registry. */
  readonly logins: readonly { readonly registry: string; readonly username: string; readonly password: string }[];
  /** Folders with certificates of a registry, as skopeo finds them: relative to the working folder. */
  readonly certificateFolders: readonly { readonly registry: string; readonly folder: string }[];
  /** Registries of which it names no images. */
  readonly empty: readonly string[];
}

const text = z.string().min(1);

const TLS_HINT =
  'TLS is always verified: remove this, and trust a private authority with --ca-file FILE, or use --plain-http HOST for a registry without TLS';

const registrySchema = z.strictObject({
  /** Tags and digests by repository; none means all tags. */
  images: z.record(z.string(), z.array(text).nullish()).nullish(),
  'images-by-tag-regex': z.record(z.string(), z.string().superRefine(checkExpression)).nullish(),
  'images-by-semver': z
    .record(z.string(), text.refine(isVersionRange, 'is not a range of semantic versions, such as ">= 1.2.0"'))
    .nullish(),
  credentials: z
    .strictObject({ username: text, password: text })
    .nullish()
    .refine((login) => login == null || !login.username.includes(':'), 'a user name has no colon'),
  'tls-verify': z
    .boolean()
    .nullish()
    .refine((isVerified) => isVerified !== false, TLS_HINT),
  'cert-dir': z.string().nullish(),
});

type RegistryEntry = z.infer<typeof registrySchema>;

const schema = z.record(z.string(), registrySchema.nullable()).superRefine((registries, context) => {
  for (const [registry, entry] of Object.entries(registries)) checkEntry(registry, entry, context);
});

/**
 * Reads a file for `skopeo sync`. The passwords in it are removed from all output.
 * @throws AirgapError `config` with file, line and column of each problem; unknown fields are problems
 */
export async function readSkopeoSync(path: string): Promise<SkopeoSync> {
  const registries = await readDocument(path, {
    schema,
    flag: '--skopeo-sync',
    hint: 'skopeo-sync(1) describes the file',
    prepare: keepWrittenText,
  });
  const entries = Object.entries(registries).map(([name, entry]) => ({ name, host: hostOf(name), entry: entry ?? {} }));
  return {
    repositories: entries.flatMap(({ name, entry }) => repositoriesOf(name, entry)),
    logins: entries.flatMap(({ host, entry: { credentials } }) =>
      credentials == null ? [] : [{ registry: host, ...credentials }],
    ),
    certificateFolders: entries.flatMap(({ host, entry }) =>
      entry['cert-dir'] ? [{ registry: host, folder: entry['cert-dir'] }] : [],
    ),
    empty: entries.flatMap(({ name, entry }) => (repositoriesOf(name, entry).length === 0 ? [name] : [])),
  };
}

/**
 * Takes plain scalars as they are written: the tag `1.10` is not the number 1.1. Registers the password before anything of
 * the file may be printed.
 */
function keepWrittenText(document: Document): void {
  visit(document, {
    Pair(_, { key, value }) {
      const name = isScalar(key) ? key.value : undefined;
      if (name === 'password' && isScalar(value)) {
        for (const secret of [value.source, value.value]) registerSecret(String(secret ?? ''));
      }
      return name === 'tls-verify' ? visit.SKIP : undefined;
    },
    Scalar(key, node) {
      const isText = typeof node.value === 'string' || node.value === null;
      if (key !== 'key' && !isText && node.source !== undefined) node.value = node.source;
    },
  });
}

function checkEntry(registry: string, entry: RegistryEntry | null, context: z.RefinementCtx): void {
  const report = (path: readonly PropertyKey[], message: string): void => {
    context.addIssue({ code: 'custom', path: [registry, ...path], message });
  };
  if (tryParseRepository(`${registry}/x`) === undefined || !isName('registry', hostOf(registry))) {
    report([], 'is not a registry');
    return;
  }
  for (const field of ['images', 'images-by-tag-regex', 'images-by-semver'] as const) {
    for (const name of Object.keys(entry?.[field] ?? {})) {
      if (repositoryOf(registry, name) === undefined) report([field, name], 'is not a repository');
    }
  }
  for (const [name, references] of Object.entries(entry?.images ?? {})) {
    for (const [i, reference] of (references ?? []).entries()) {
      if (isDigest(reference) || isName('tag', reference)) continue;
      report(['images', name, i], 'is neither a tag nor a digest');
    }
  }
}

function checkExpression(pattern: string, context: z.RefinementCtx): void {
  const problem = patternProblem(pattern);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
}

function repositoriesOf(registry: string, entry: Partial<RegistryEntry>): RepositorySelection[] {
  const of = (name: string): Repository => repositoryOf(registry, name) as Repository;
  return [
    ...Object.entries(entry.images ?? {}).map(([name, references]) =>
      references == null || references.length === 0
        ? { repository: of(name), lookups: [], rules: { tags: [] } }
        : { repository: of(name), lookups: references },
    ),
    ...Object.entries(entry['images-by-tag-regex'] ?? {}).map(([name, pattern]) => ({
      repository: of(name),
      lookups: [],
      rules: { tags: [pattern], origin: `images-by-tag-regex of ${registry}/${name}:` },
    })),
    ...Object.entries(entry['images-by-semver'] ?? {}).map(([name, versions]) => ({
      repository: of(name),
      lookups: [],
      rules: { tags: [], versions, origin: `images-by-semver of ${registry}/${name}:` },
    })),
  ];
}

/** Returns a repository below a registry, which may be a host with a path. */
function repositoryOf(registry: string, name: string): Repository | undefined {
  return tryParseRepository(`${registry}/${name}`);
}

function hostOf(registry: string): string {
  return tryParseRepository(`${registry}/x`)?.registry ?? registry;
}
