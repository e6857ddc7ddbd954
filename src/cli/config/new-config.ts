import { isDeepStrictEqual } from 'node:util';
import { Document, isMap, isScalar, isSeq, type YAMLMap } from 'yaml';
import { AirgapError } from '../../base/errors.ts';
import { documentText, YAML_1_1 } from '../../base/yaml-text.ts';
import type { InitChart } from '../../workflows/init/init.ts';
import { parseConfig } from './read.ts';
import { commentText, escapeVariables } from './write.ts';

/** What is in a new configuration file besides charts. Paths are relative to it. */
export interface NewConfig {
  readonly charts: readonly InitChart[];
  /** Path of the values file of a chart with values; undefined if values are not written. */
  readonly valuesPath: (file: string) => string | undefined;
  readonly plainHttp: readonly string[];
  readonly caFile?: string;
  readonly clientCertificates: Readonly<Record<string, { readonly cert: string; readonly key?: string }>>;
  /** Lines of the comment before all others. */
  readonly head: readonly string[];
}

/** Lines of a chart that people add next. A test gives them to the reader. */
export const PROFILE_LINES = [
  'profiles:                              # sets of values; the images of all are merged',
  '  - name: production',
  '    values: [values/production.yaml]   # relative to this file',
  '    set: ["metrics.enabled=true"]',
  '    kubeVersion: "1.33.0"              # of the cluster',
];

/** Keys that people need next. A test gives them to the reader. */
export const KEY_LINES = [
  'images: [docker.io/library/busybox:1.37] # further images, by name',
  'exclude:                               # what is not used there; * matches any text',
  '  - {pattern: "quay.io/team/debug*", reason: only for development}',
  'platforms: [linux/amd64]               # of the nodes; without it, all are bundled',
  'mirrors: {docker.io: cache.example/hub} # where to read images instead',
  'to: [registry.example/mirrored]        # targets of push and mirror',
  'logins:                                # of registries; set the variables in the environment',
  `  - {registry: registry.example, username: robot, password: "\${REGISTRY_PASSWORD}"}`,
  'naming: {default: host-path}           # names in the target',
  'plainHttp: ["registry.example:5000"]   # hosts without TLS',
  'caFile: ca.pem                         # certificate authority, relative to this file',
];

/**
 * Formats a new `airgap.yaml` with comments for what people add next, and reads it back.
 * @throws AirgapError `unexpected` if the reader finds anything else in it
 */
export function newConfigText({ charts, valuesPath, plainHttp, caFile, clientCertificates, head }: NewConfig): string {
  const entries = charts.map(({ chart, repo, version, releaseName, namespace, dependencyUpdate, values }) => {
    const path = values === undefined ? undefined : valuesPath(values.file);
    return {
      ...{ chart, ...(repo !== undefined && { repo }), ...(version !== undefined && { version }) },
      ...{ ...(releaseName !== undefined && { releaseName }), ...(namespace !== undefined && { namespace }) },
      ...(dependencyUpdate && { dependencyUpdate }),
      ...(path !== undefined && { profiles: [{ name: 'default', values: [path] }] }),
    };
  });
  const content = {
    ...{ charts: entries, ...(plainHttp.length > 0 && { plainHttp }), ...(caFile !== undefined && { caFile }) },
    ...(Object.keys(clientCertificates).length > 0 && { clientCertificates }),
  };
  const document = new Document(
    { apiVersion: 'airgap/v1', kind: 'Config', ...escapeVariables(content) },
    { ...YAML_1_1, aliasDuplicateObjects: false },
  );
  document.commentBefore = commentText([
    ...head,
    'Charts and images for helm airgap, written by helm airgap init. docs/config.md lists every key.',
  ]);
  const list = document.get('charts', true);
  for (const [i, item] of (isSeq(list) ? list.items : []).entries()) {
    const chart = charts[i];
    if (isMap(item) && chart !== undefined) comment(item, chart, valuesPath);
  }
  document.comment = commentText([
    'A chart may also have:',
    '',
    ...PROFILE_LINES.map((line) => `    ${line}`),
    '',
    'Further keys, to be used without the #:',
    '',
    ...KEY_LINES,
  ]);
  const text = documentText(document);
  const read = parseConfig(text);
  if (!isDeepStrictEqual({ ...content, ...pick(read, Object.keys(content)) }, content))
    throw new AirgapError('unexpected', 'the configuration file reads differently from what was to be written');
  return text;
}

/** Adds what people have to do for a chart. */
function comment(item: YAMLMap, chart: InitChart, valuesPath: NewConfig['valuesPath']): void {
  const lines: string[] = [];
  if (chart.lacksRepo) {
    lines.push(
      chart.candidates.length === 0
        ? 'Fill in its repository: a release does not say where its chart is from. For a registry: chart: oci://HOST/PATH'
        : 'Choose its repository: several have this version.',
      ...(chart.candidates.length === 0 ? ['repo: https://…'] : chart.candidates.map((url) => `repo: ${url}`)),
    );
  }
  const [first, second] = item.items;
  if (lines.length > 0 && isScalar(second?.key)) second.key.commentBefore = commentText(lines);
  if (chart.values === undefined || !isScalar(first?.key)) return;
  item.commentBefore = commentText([
    valuesPath(chart.values.file) === undefined
      ? 'This release has values of its own, which may need other images: write them with --values-dir, or add profiles.'
      : 'Its values may hold secrets: keep the file out of version control.',
  ]);
}

function pick(object: object, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => keys.includes(key)));
}
