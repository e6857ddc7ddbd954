import * as z from 'zod';
import { isName, type NameKind } from '../../base/names.ts';

/** `airgap.yaml`: several charts in one run. docs/config.md describes it. Unknown keys are errors. */

const text = z.string().min(1);
const nameOf = (kind: NameKind) => z.string().refine((value) => isName(kind, value), { error: `no valid ${kind}` });
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
  releaseName: nameOf('release name').optional(),
  namespace: nameOf('namespace').optional(),
  dependencyUpdate: z.boolean().optional(),
  devel: z.boolean().optional(),
  profiles: z.array(profile).min(1).optional(),
});

/** Where images and charts go on the isolated side; docs/naming.md. */
const naming = z.strictObject({
  /** As `--naming` takes it. */
  default: text.optional(),
  chartPrefix: z.string().optional(),
  /** The first that matches wins; what its template gives comes after the prefix. */
  rules: z.array(z.strictObject({ match: text, to: z.string() })).optional(),
});

/** Names, with `*` for anything, and why they are meant. */
const pattern = z.union([text, z.strictObject({ pattern: text, reason: text.optional() })]);

export const configSchema = z.strictObject({
  apiVersion: z.literal('airgap/v1'),
  kind: z.literal('Config'),
  charts: z.array(chart).default([]),
  /** Images to add by name, and patterns of references and of nested charts' names to leave out. */
  images: z.array(text).default([]),
  exclude: z.array(pattern).default([]),
  /** Images to keep though excluded or only possible. */
  include: z.array(pattern).default([]),
  /** Whether images of `helm test`, and of hooks, are wanted. */
  tests: z.boolean().optional(),
  hooks: z.boolean().optional(),
  /** Whether the images of operators are looked into for images that they choose, and what is found is bundled. */
  lookInside: z.boolean().optional(),
  includeInside: z.boolean().optional(),
  platforms: z.array(text).default([]),
  naming: naming.optional(),
  /** Registry (and path) to the mirror that serves it. */
  mirrors: z.record(z.string(), text).default({}),
  /** Chart repository (or `*`) to the URL or the folder of archives, relative to the configuration file, that serves it. */
  chartMirrors: z.record(z.string(), text).default({}),
  plainHttp: z.array(text).default([]),
  caFile: text.optional(),
  /** Host to client certificate and private key (PEM files, relative to the configuration file). */
  clientCertificates: z.record(z.string(), z.strictObject({ cert: text, key: text.optional() })).default({}),
  /** Folders, relative to the configuration file, that links of chart folders may lead to. */
  allowChartLinks: z.array(text).default([]),
  /** Hosts that charts may name, though they are private, have no TLS or are told by the values. */
  allowChartHosts: z.array(text).default([]),
  /** What one render may take: `90s`, `4GiB`. */
  renderTimeout: text.optional(),
  renderMemory: text.optional(),
});

export type Config = z.infer<typeof configSchema>;
