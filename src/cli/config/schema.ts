import * as z from 'zod';
import { normalizeKey } from '../../auth/keychain.ts';
import { isName, type NameKind } from '../../base/names.ts';

/** Schema of `airgap.yaml`, the configuration of a run with several charts (docs/config.md). Unknown keys are errors. */

const text = z.string().min(1);
const nameSchema = (kind: NameKind) =>
  z.string().refine((value) => isName(kind, value), { error: `not a valid ${kind}` });
const assignments = z.array(z.string().regex(/=/, 'write NAME=VALUE'));

const profile = z.strictObject({
  name: text,
  /** Values files, relative to the configuration file. */
  values: z.array(text).optional(),
  set: assignments.optional(),
  setString: assignments.optional(),
  setJson: assignments.optional(),
  setFile: assignments.optional(),
  setLiteral: assignments.optional(),
  kubeVersion: text.optional(),
  apiVersions: z.array(text).optional(),
  skipSchemaValidation: z.boolean().optional(),
});

const chart = z.strictObject({
  /** Folder or archive (relative to the configuration file), oci:// reference, or a name in `repo`. */
  chart: text,
  repo: text.optional(),
  version: text.optional(),
  /** Credentials of the chart repository; keep them out of the file with ${NAME}. */
  username: text.optional(),
  password: text.optional(),
  releaseName: nameSchema('release name').optional(),
  namespace: nameSchema('namespace').optional(),
  dependencyUpdate: z.boolean().optional(),
  devel: z.boolean().optional(),
  profiles: z.array(profile).min(1).optional(),
});

/** Names of images and charts in the private registry (docs/naming.md). */
const naming = z.strictObject({
  /** Value of `--naming`. */
  default: text.optional(),
  chartPrefix: z.string().optional(),
  /** The first match applies; the result of its template follows the prefix. */
  rules: z.array(z.strictObject({ match: text, to: z.string() })).optional(),
});

/** Repositories of a registry, for `mirror` (docs/mirror.md). */
const registrySource = z.strictObject({
  registry: text,
  /** Paths, or patterns in which `*` matches anything; all if absent. */
  repositories: z.array(text).default([]),
  /** Regular expressions, one of which a tag matches; all if absent. */
  tags: z.array(text).default([]),
  newest: z.int().positive().optional(),
  /** Date, or date and time (ISO 8601). */
  newerThan: text.optional(),
});

/** A variable in place of a secret: airgap.yaml holds none (docs/login.md). */
const VARIABLE = /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/;

/** Login for one registry. A password belongs to a user; a token is a bearer token, which is sent as is. */
const login = z
  .strictObject({
    registry: nameSchema('registry'),
    username: text
      .regex(/^(?:\$\{[A-Za-z_][A-Za-z0-9_]*\}|(?:[^$]|\$(?!\{))*)$/, `write a name, or \${NAME} alone`)
      .optional(),
    password: text.optional(),
    token: text.optional(),
  })
  .superRefine((given, context) => {
    const problem = loginProblem(given);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
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

/** A name pattern, in which `*` matches anything, and an optional reason. */
const pattern = z.union([text, z.strictObject({ pattern: text, reason: text.optional() })]);

export const configSchema = z.strictObject({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Config'),
  charts: z.array(chart).default([]),
  /** Folders of kustomizations, relative to the configuration file. */
  kustomize: z.array(text).default([]),
  /** Files and folders of manifests, relative to the configuration file. */
  manifests: z.array(text).default([]),
  /** Files and folders of exported image streams of OpenShift, relative to the configuration file. */
  imageStreams: z.array(text).default([]),
  /** Public host of the internal registry of the cluster, by an address inside it. */
  registryRoutes: z.record(z.string(), text).default({}),
  /** Takes tags of image streams too that are public or the platform's own. */
  includePublic: z.boolean().optional(),
  includePlatform: z.boolean().optional(),
  /** Images to add by name, and patterns of references and nested charts to leave out. */
  images: z.array(text).default([]),
  /** Registries to mirror. */
  from: z.array(registrySource).default([]),
  /** Targets of `mirror` and `push` without `--to`: `REGISTRY[/PREFIX]`. */
  to: z.array(text).default([]),
  /** Logins whose secrets are in variables. The variables of users and secrets are read when a registry asks. */
  logins: z
    .array(login)
    .default([])
    .superRefine((logins, context) => {
      const hosts = logins.map(({ registry }) => normalizeKey(registry));
      for (const [i, host] of hosts.entries()) {
        if (hosts.indexOf(host) < i)
          context.addIssue({ code: 'custom', path: [i, 'registry'], message: `${host} has another login above` });
      }
    }),
  exclude: z.array(pattern).default([]),
  /** Images to keep although they are excluded or of confidence `possible`. */
  include: z.array(pattern).default([]),
  /** Include the images of `helm test` and of hooks. */
  tests: z.boolean().optional(),
  hooks: z.boolean().optional(),
  /** Scan the images of operators for images that they deploy, and bundle the images found. */
  lookInside: z.boolean().optional(),
  includeInside: z.boolean().optional(),
  /** Bundle the archives of this plugin, which are in the folder `packages`, and Helm programs or release archives. */
  includePlugin: z.boolean().optional(),
  packages: text.optional(),
  includeHelm: z.array(text).default([]),
  platforms: z.array(text).default([]),
  naming: naming.optional(),
  /** Mirror by registry (or registry and path), or several in the order in which they are tried. */
  mirrors: z.record(z.string(), z.union([text, z.array(text).min(1)])).default({}),
  /** URL or folder of archives (relative to the configuration file) by chart repository; `*` for all. */
  chartMirrors: z.record(z.string(), text).default({}),
  plainHttp: z.array(z.string().regex(/^[^/@\s]+$/, 'write HOST or HOST:PORT')).default([]),
  caFile: text.optional(),
  /** Client certificate and private key by host (PEM files, relative to the configuration file). */
  clientCertificates: z.record(z.string(), z.strictObject({ cert: text, key: text.optional() })).default({}),
  /** Folders, relative to the configuration file, to which symbolic links in chart folders may point. */
  allowChartLinks: z.array(text).default([]),
  /** Hosts that charts may refer to although they are private, have no TLS or depend on the values. */
  allowChartHosts: z.array(text).default([]),
  /** Limits of one render: `90s`, `4GiB`. */
  renderTimeout: text.optional(),
  renderMemory: text.optional(),
});

export type Config = z.infer<typeof configSchema>;
