import * as z from 'zod';
import { normalizeKey } from '../../auth/keychain.ts';
import { isName, type NameKind, namePattern } from '../../base/names.ts';
import { patternProblem } from '../../base/user-pattern.ts';

/**
 * Schema of `airgap.yaml`, the configuration of a run with several charts (docs/config.md). Unknown keys are errors.
 * Descriptions, and patterns that only `meta` has, are for its JSON Schema, which editors read (json-schema.ts).
 */

const text = z.string().min(1);
const nameSchema = (kind: NameKind) =>
  z
    .string()
    .refine((value) => isName(kind, value), { error: `not a valid ${kind}` })
    .meta({ pattern: namePattern(kind) });
const expression = text.superRefine((pattern, context) => {
  const message = patternProblem(pattern);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});
const assignments = z.array(z.string().regex(/=/, 'write NAME=VALUE'));

const profile = z.strictObject({
  name: text.describe('Name of the profile, shown beside the images that only it needs'),
  values: z.array(text).optional().describe('Values files, relative to this file; URLs too'),
  set: assignments.optional().describe('As --set: NAME=VALUE'),
  setString: assignments.optional().describe('As --set-string: NAME=VALUE'),
  setJson: assignments.optional().describe('As --set-json: NAME=JSON'),
  setFile: assignments.optional().describe('As --set-file: NAME=FILE, relative to this file'),
  setLiteral: assignments.optional().describe('As --set-literal: NAME=TEXT'),
  kubeVersion: text.optional().describe('Kubernetes version for Capabilities, such as 1.33.0; write it in quotes'),
  apiVersions: z.array(text).optional().describe('API versions for Capabilities'),
  skipSchemaValidation: z.boolean().optional().describe("Do not validate values against the chart's schema"),
});

const chart = z.strictObject({
  chart: text.describe('Folder or archive (relative to this file), oci:// reference, or a name in repo'),
  repo: text.optional().describe('URL of the chart repository'),
  version: text.optional().describe('Version or constraint; write it in quotes'),
  username: text.optional().describe('User of the chart repository'),
  password: text.optional().describe('Password of the chart repository; write a variable in its place'),
  releaseName: nameSchema('release name').optional().describe('Release name for the render; default: release-name'),
  namespace: nameSchema('namespace').optional().describe('Namespace for the render'),
  dependencyUpdate: z.boolean().optional().describe('Fetch missing dependencies of a chart folder'),
  devel: z.boolean().optional().describe('Include development versions'),
  profiles: z
    .array(profile)
    .min(1)
    .optional()
    .describe('Settings with which the chart is rendered. Each profile is rendered, and the images of all are merged'),
});

const naming = z.strictObject({
  default: text
    .optional()
    .describe('As --naming: host-path (the default), path, name, as-written, single-repository, or a template'),
  chartPrefix: z.string().optional().describe('Path of charts in the registry; default: PREFIX/charts'),
  rules: z
    .array(
      z.strictObject({
        match: text.describe('Pattern of repositories, such as quay.io/strimzi/*'),
        to: z.string().describe('Template of the path that follows the prefix, such as strimzi/{name}'),
      }),
    )
    .optional()
    .describe('Templates for some repositories; the first match applies'),
});

const registrySource = z.strictObject({
  registry: text.describe('Host of the registry'),
  repositories: z.array(text).default([]).describe('Paths, in which * matches anything; default: all of the registry'),
  tags: z.array(text).default([]).describe('Regular expressions, one of which a tag matches; default: all'),
  newest: z.int().positive().optional().describe('Number of newest versions, of each variant such as -alpine'),
  newerThan: text
    .optional()
    .describe('Date, or date and time (ISO 8601): images created since then, or without a date'),
});

/** A variable in place of a secret: airgap.yaml holds none (docs/login.md). */
const VARIABLE = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/;

/** Login for one registry. A password belongs to a user; a token is a bearer token, which is sent as is. */
const login = z
  .strictObject({
    registry: nameSchema('registry').describe('Host of the registry, with a port if it has one'),
    username: text
      .regex(/^(?:\$\{[A-Za-z_][A-Za-z0-9_]*\}|(?:[^$]|\$(?!\{))*)$/, `write a name, or \${NAME} alone`)
      .optional()
      .describe('Name of the user, or a variable alone'),
    password: text
      .meta({ pattern: VARIABLE.source })
      .optional()
      .describe(`Password of the user: a variable alone, \${NAME}, which is set in the environment`),
    token: text
      .meta({ pattern: VARIABLE.source })
      .optional()
      .describe(`Bearer token, without username: a variable alone, \${NAME}, which is set in the environment`),
  })
  .superRefine((given, context) => {
    const problem = loginProblem(given);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  })
  .meta({
    oneOf: [
      { required: ['username', 'password'], not: { required: ['token'] } },
      { required: ['token'], not: { required: ['username'] } },
    ],
  });

/** Returns what is wrong. The name of a field and a colon before it would mark the text as a secret, to be removed from output. */
function loginProblem({ username, password, token }: Readonly<Record<string, string | undefined>>): string | undefined {
  if ((password === undefined) === (token === undefined)) return 'give either password or token';
  if (!VARIABLE.test(password ?? token ?? ''))
    return `a secret is written out: write \${NAME} in its place, and set NAME in the environment`;
  if (password !== undefined && username === undefined) return 'a password needs username';
  if (token !== undefined && username !== undefined)
    return 'a token is sent without a user; a personal access token is a password';
  return undefined;
}

/** Who must have signed the images that a pattern matches (docs/signatures.md). */
const signatureRule = z
  .strictObject({
    images: text.describe('Pattern of references, in which * matches anything'),
    key: z
      .union([text, z.array(text).min(1)])
      .optional()
      .describe('Public keys (PEM), relative to this file, one of which must have signed'),
    identity: text.optional().describe('Identity in the certificate of a keyless signature'),
    identityRegexp: expression.optional().describe('Regular expression that matches in the identity'),
    issuer: text.optional().describe('OIDC issuer in the certificate, such as https://accounts.google.com'),
    issuerRegexp: expression.optional().describe('Regular expression that matches in the issuer'),
    unsigned: text.optional().describe('Reason why these images need no signature'),
  })
  .superRefine(({ key, identity, identityRegexp, issuer, issuerRegexp, unsigned }, context) => {
    const problem = (message: string): void => context.addIssue({ code: 'custom', message });
    const given = (...values: unknown[]): number => values.filter((value) => value !== undefined).length;
    const [identities, issuers] = [given(identity, identityRegexp), given(issuer, issuerRegexp)];
    if (identities > 1) problem('give either identity or identityRegexp');
    if (issuers > 1) problem('give either issuer or issuerRegexp');
    if (identities !== issuers) problem('an identity needs its issuer, and an issuer an identity');
    if (unsigned !== undefined && given(key) + identities > 0) problem('unsigned images have no key and no identity');
    if (given(key, unsigned) + identities === 0) problem('give key, or identity and issuer, or unsigned with a reason');
  });

/** A name pattern, in which `*` matches anything, and an optional reason. */
const pattern = z.union([
  text,
  z.strictObject({
    pattern: text.describe('Pattern, in which * matches anything'),
    reason: text.optional().describe('Reason, shown in the output and in the inventory of the bundle'),
  }),
]);

export const configSchema = z.strictObject({
  apiVersion: z.literal('airgap/v1').describe('Version of the format'),
  kind: z.literal('Config').describe('Kind of the document'),
  charts: z.array(chart).default([]).describe('Charts to transfer with their images'),
  kustomize: z.array(text).default([]).describe('Folders of kustomizations, relative to this file'),
  manifests: z.array(text).default([]).describe('Files and folders of manifests, relative to this file'),
  imageStreams: z
    .array(text)
    .default([])
    .describe('Files and folders of exported image streams of OpenShift, relative to this file'),
  registryRoutes: z
    .record(z.string(), text)
    .default({})
    .describe("Public host of OpenShift's internal registry, by its address inside the cluster"),
  includePublic: z.boolean().optional().describe('Take tags of image streams too that are public'),
  includePlatform: z.boolean().optional().describe("Take tags of image streams too that are the platform's own"),
  images: z.array(text).default([]).describe('Further images, by name'),
  from: z.array(registrySource).default([]).describe('Repositories of registries, for helm airgap mirror'),
  to: z.array(text).default([]).describe('Targets of mirror and push without --to: REGISTRY[/PREFIX]'),
  // The variables of users and secrets are read when a registry asks.
  logins: z
    .array(login)
    .default([])
    .superRefine((logins, context) => {
      const hosts = logins.map(({ registry }) => normalizeKey(registry));
      for (const [i, host] of hosts.entries()) {
        if (hosts.indexOf(host) < i)
          context.addIssue({ code: 'custom', path: [i, 'registry'], message: `${host} has another login above` });
      }
    })
    .describe('Logins for registries, one for each; the secrets are in environment variables'),
  exclude: z
    .array(pattern)
    .default([])
    .describe('Images and nested charts to leave out; * matches anything, a pattern without a tag matches every tag'),
  include: z.array(pattern).default([]).describe('Images to keep although they are excluded or of confidence possible'),
  allowMissing: z
    .array(pattern)
    .default([])
    .describe('Images whose absence from their registries is accepted; * matches anything'),
  tests: z.boolean().optional().describe('false leaves out the images of helm test'),
  hooks: z.boolean().optional().describe('false leaves out the images of all hooks, tests among them'),
  signatures: z
    .strictObject({
      trustedRoot: text
        .optional()
        .describe("Sigstore's trusted_root.json, by which keyless signatures are verified, relative to this file"),
      rules: z
        .array(signatureRule)
        .default([])
        .describe('The first rule whose pattern matches an image decides; an image without a rule fails'),
    })
    .optional()
    .describe('Who must have signed the images'),
  lookInside: z.boolean().optional().describe('Scan the images of operators for the images that they deploy'),
  includeInside: z.boolean().optional().describe('Bundle the images that this scan finds'),
  includePlugin: z
    .boolean()
    .optional()
    .describe('Bundle the archives of this plugin, which are in the folder packages'),
  packages: text.optional().describe('Folder of the archives of this plugin, relative to this file'),
  includeHelm: z.array(text).default([]).describe('Helm programs or release archives to bundle, relative to this file'),
  platforms: z.array(text).default([]).describe('Platforms of the images, such as linux/amd64; default: all'),
  naming: naming.optional().describe('Names of images and charts in the target, for push and values'),
  mirrors: z
    .record(z.string(), z.union([text, z.array(text).min(1)]))
    .default({})
    .describe('Where to read instead, by registry, host/path or *; several are tried in their order'),
  chartMirrors: z
    .record(z.string(), text)
    .default({})
    .describe('URL or folder of archives (relative to this file), by chart repository, oci:// path or *'),
  plainHttp: z
    .array(z.string().regex(/^[^/@\s]+$/, 'write HOST or HOST:PORT'))
    .default([])
    .describe('Hosts without TLS'),
  caFile: text
    .optional()
    .describe('Certificate authorities to trust besides those of the system (PEM), relative to this file'),
  clientCertificates: z
    .record(
      z.string(),
      z.strictObject({
        cert: text.describe('Client certificate (PEM), relative to this file'),
        key: text.optional().describe('Its private key, if it is in another file'),
      }),
    )
    .default({})
    .describe('Client certificates by host'),
  allowChartLinks: z
    .array(text)
    .default([])
    .describe('Folders, relative to this file, to which symbolic links in chart folders may point'),
  allowChartHosts: z
    .array(text)
    .default([])
    .describe('Hosts that charts may refer to although they are private, have no TLS or depend on the values'),
  renderTimeout: text.optional().describe('Time limit of one render, such as 90s; default: 2m'),
  renderMemory: text.optional().describe('Memory limit of one render, such as 4GiB; default: 2GiB'),
});

export type Config = z.infer<typeof configSchema>;
