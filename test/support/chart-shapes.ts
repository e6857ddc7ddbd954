/** One way in which charts build image references, as a chart of its own. */
export interface ChartShape {
  readonly name: string;
  /** Files by path below the chart; Chart.yaml is there unless given. */
  readonly files: Readonly<Record<string, string>>;
  /** References that no value can map, so that they have to be reported. */
  readonly unmapped?: readonly string[];
  /** Values paths that the overrides set, and no others; unchecked if absent. */
  readonly setPaths?: readonly string[];
}

const DIGEST = `sha256:${'a'.repeat(64)}`;

/** A pod with one container for each expression. */
function pod(...images: readonly string[]): string {
  const containers = images.map((image, i) => `  - name: c${i}\n    image: ${image}\n`).join('');
  return `apiVersion: v1\nkind: Pod\nmetadata:\n  name: pod\nspec:\n  containers:\n${containers}`;
}

/** An InferenceService with these models. */
function model(...uris: readonly string[]): string {
  const list = uris.map((uri) => `    - uri: "${uri}"\n`).join('');
  return `apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: m}\nspec:\n  predictor:\n    storageUris:\n${list}`;
}

function plugin(name: string, url: string): string {
  return `apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: ${name}}\nspec: {url: "${url}"}\n`;
}

function shape(
  name: string,
  values: string,
  template: string,
  more: Omit<ChartShape, 'name' | 'files'> & { readonly files?: ChartShape['files'] } = {},
): ChartShape {
  return { ...more, name, files: { 'values.yaml': values, 'templates/a.yaml': template, ...more.files } };
}

const REGISTRY_HELPER = `{{- define "image" -}}
{{- $registry := .image.registry | default "ghcr.io" -}}
{{- if .global }}{{ $registry = .global.imageRegistry | default $registry }}{{ end -}}
{{- printf "%s/%s:%s" $registry .image.repository .image.tag -}}
{{- end -}}
`;

export const CHART_SHAPES: readonly ChartShape[] = [
  shape('a whole reference', 'image: quay.io/acme/app:1.0\n', pod('{{ .Values.image }}'), { setPaths: ['image'] }),
  shape('a short name', 'image: nginx\n', pod('{{ .Values.image }}'), { setPaths: ['image'] }),
  shape(
    'repository and a tag that is a number',
    'image: {repository: acme/app, tag: 1.25}\n',
    pod('"{{ .Values.image.repository }}:{{ .Values.image.tag }}"'),
    { setPaths: ['image.repository'] },
  ),
  shape(
    'a registry of its own, shared by two images',
    'registry: quay.io\na: {name: acme/a}\nb: {name: acme/b}\n',
    pod('{{ .Values.registry }}/{{ .Values.a.name }}:1', '{{ .Values.registry }}/{{ .Values.b.name }}:2'),
    { setPaths: ['registry'] },
  ),
  shape(
    'an image name under a key that does not mention images, next to a name that has to stay',
    'registry: docker.io\na: {name: nginx}\nb: {name: acme/b}\n',
    pod('{{ .Values.registry }}/{{ .Values.a.name }}:1', '{{ .Values.registry }}/{{ .Values.b.name }}:2'),
    { setPaths: ['a.name', 'registry'] },
  ),
  shape(
    'the same name used as a label too',
    'registry: docker.io\na: {name: nginx}\nb: {name: acme/b}\n',
    `${pod('{{ .Values.registry }}/{{ .Values.a.name }}:1', '{{ .Values.registry }}/{{ .Values.b.name }}:2').replace('name: pod', 'name: pod\n  labels: {app: {{ .Values.a.name }}}')}`,
    { unmapped: ['docker.io/library/nginx:1'] },
  ),
  shape(
    'docker.io as registry and a name without library/',
    'image: {registry: docker.io, repository: nginx}\n',
    pod('{{ .Values.image.registry }}/{{ .Values.image.repository }}:1'),
  ),
  shape('hub and name', 'global: {hub: docker.io/acme}\n', pod('{{ .Values.global.hub }}/pilot:1'), {
    setPaths: ['global.hub'],
  }),
  shape(
    'organisation and name',
    'image: {org: acme, name: app, tag: v1}\n',
    pod('{{ .Values.image.org }}/{{ .Values.image.name }}:{{ .Values.image.tag }}'),
  ),
  shape(
    'tag and digest',
    `image: {repository: ghcr.io/acme/app, tag: v1, digest: ${DIGEST}}\n`,
    pod('{{ .Values.image.repository }}:{{ .Values.image.tag }}@{{ .Values.image.digest }}'),
    { setPaths: ['image.repository'] },
  ),
  shape(
    'a digest alone',
    `image: {repository: ghcr.io/acme/app, digest: ${DIGEST}}\n`,
    pod('{{ .Values.image.repository }}@{{ .Values.image.digest }}'),
  ),
  shape(
    'the tag inside the repository leaf',
    'image: {repository: "ghcr.io/acme/app:v1"}\n',
    pod('{{ .Values.image.repository }}'),
  ),
  shape(
    'a registry defaulted in a helper that is handed a map',
    'image: {repository: acme/app, tag: v1}\n',
    pod('{{ include "image" (dict "image" .Values.image) }}'),
    { files: { 'templates/_helpers.tpl': REGISTRY_HELPER }, setPaths: ['image.registry'] },
  ),
  shape(
    'a global registry that wins over local ones',
    'global: {imageRegistry: registry.example.com}\nimage: {registry: quay.io, repository: acme/app, tag: v1}\n',
    pod('{{ include "image" (dict "image" .Values.image "global" .Values.global) }}'),
    { files: { 'templates/_helpers.tpl': REGISTRY_HELPER }, setPaths: ['global.imageRegistry'] },
  ),
  shape(
    'several registries under an empty global one',
    'global: {imageRegistry: ""}\na: {registry: quay.io, repository: acme/a, tag: v1}\nb: {registry: docker.io, repository: acme/b, tag: v1}\n',
    pod(
      '{{ include "image" (dict "image" .Values.a "global" .Values.global) }}',
      '{{ include "image" (dict "image" .Values.b "global" .Values.global) }}',
    ),
    { files: { 'templates/_helpers.tpl': REGISTRY_HELPER }, setPaths: ['a.registry', 'b.registry'] },
  ),
  shape(
    'a value that is a template',
    'registry: quay.io\nimage: "{{ .Values.registry }}/acme/app:v1"\n',
    pod('{{ tpl .Values.image . }}'),
  ),
  shape(
    'a reference taken apart and put together',
    'image: quay.io/acme/app\ntag: v1.2.3+x\n',
    pod('{{ printf "%s:%s" .Values.image (regexReplaceAll "\\\\+.*" .Values.tag "") }}'),
  ),
  shape(
    'the last component alone behind a fixed path',
    'image: {repository: acme/app}\nregistry: quay.io\n',
    pod('{{ .Values.registry }}/acme/{{ .Values.image.repository | splitList "/" | last }}:v1'),
  ),
  shape(
    'a list of images, replaced whole',
    'sidecars:\n- {name: one, image: "quay.io/acme/one:1", keep: 7}\n- {name: two, image: "quay.io/acme/two:2"}\n',
    pod('{{ (index .Values.sidecars 0).image }}', '{{ (index .Values.sidecars 1).image }}'),
  ),
  shape(
    'a map of images with dots in its keys',
    'images: {"v1.30": "quay.io/acme/k:1.30", "v1.31": "quay.io/acme/k:1.31"}\n',
    pod('{{ index .Values.images "v1.30" }}', '{{ get .Values.images "v1.31" }}'),
  ),
  shape(
    'a parent that names its subchart by an alias',
    'cache: {image: {repository: quay.io/acme/cache, tag: v1}}\n',
    pod('quay.io/acme/fixed:1'),
    {
      unmapped: ['quay.io/acme/fixed:1'],
      files: {
        'Chart.yaml':
          'apiVersion: v2\nname: shape\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.0.0, alias: cache}]\n',
        'charts/redis/Chart.yaml': 'apiVersion: v2\nname: redis\nversion: 1.0.0\n',
        'charts/redis/templates/a.yaml': pod(
          '{{ .Values.image.repository }}:{{ .Values.image.tag }}',
          '{{ .Values.exporter.registry | default "quay.io" }}/{{ .Values.exporter.repository }}:v1',
        ),
        'charts/redis/values.yaml': 'exporter: {repository: acme/exporter}\n',
      },
      setPaths: ['cache.exporter.registry', 'cache.image.repository'],
    },
  ),
  shape('values imported from a subchart', '{}\n', pod('{{ .Values.image }}'), {
    files: {
      'Chart.yaml':
        'apiVersion: v2\nname: shape\nversion: 1.0.0\ndependencies: [{name: lib, version: 1.0.0, import-values: [defaults]}]\n',
      'charts/lib/Chart.yaml': 'apiVersion: v2\nname: lib\nversion: 1.0.0\n',
      'charts/lib/values.yaml': 'exports: {defaults: {image: "quay.io/acme/app:v1"}}\n',
    },
  }),
  shape(
    'references in a text of several lines',
    'config: |\n  a=quay.io/acme/a:1\n  # why\n  b=quay.io/acme/b:2\n',
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  images: |\n{{ .Values.config | indent 4 }}\n',
    { setPaths: ['config'] },
  ),
  shape(
    'a leaf that only a template mentions',
    '{}\n',
    pod(
      '{{ (.Values.job).image | default "quay.io/acme/job:1" }}',
      '{{ dig "hook" "image" "quay.io/acme/hook:1" .Values.AsMap }}',
    ),
    { setPaths: ['hook.image', 'job.image'] },
  ),
  shape(
    'an environment variable that names an operand',
    'operand: {repository: quay.io/acme/operand, tag: v1}\n',
    `${pod('quay.io/acme/operator:1').trimEnd()}\n    env:\n    - name: RELATED_IMAGE_OPERAND\n      value: "{{ .Values.operand.repository }}:{{ .Values.operand.tag }}"\n`,
    { unmapped: ['quay.io/acme/operator:1'], setPaths: ['operand.repository'] },
  ),
  shape(
    'a schema that allows no port and no further keys',
    'image: {registry: quay.io, name: acme/app}\nserviceAccount: {repository: x}\nother: quay.io/acme/other:1\n',
    pod('{{ .Values.image.registry }}/{{ .Values.image.name }}:1', '{{ .Values.other }}'),
    {
      files: {
        'values.schema.json': JSON.stringify({
          properties: {
            image: { properties: { registry: { pattern: '^[a-z.]+$' }, name: { pattern: '^[a-z/]+$' } } },
            serviceAccount: { properties: { repository: {} }, additionalProperties: false },
          },
        }),
        'templates/_helpers.tpl': '{{/* .registry */}}',
      },
      unmapped: ['quay.io/acme/app:1'],
      setPaths: ['other'],
    },
  ),
  shape(
    'models with a scheme in the value, in the template, and in both halves',
    'model: oci://quay.io/acme/a:1\nnative: oci+native://quay.io/acme/b:1\nsplit: {registry: ghcr.io, repository: acme/c}\n',
    model(
      '{{ .Values.model }}',
      '{{ .Values.native }}',
      'oci://{{ .Values.split.registry }}/{{ .Values.split.repository }}:1',
      'oci+native://quay.io/acme/fixed:1',
      's3://bucket/key',
    ),
    { unmapped: ['quay.io/acme/fixed:1'], setPaths: ['model', 'native', 'split.registry'] },
  ),
  shape(
    'several models in one text of the values',
    'spec: |\n  a: oci://quay.io/acme/a:1\n  b: oci://ghcr.io/acme/b:1\n',
    model('{{ (.Values.spec | fromYaml).a }}', '{{ (.Values.spec | fromYaml).b }}'),
    { setPaths: ['spec'] },
  ),
  shape(
    'a plugin whose URL has a scheme or none',
    'plugin: {url: "oci://ghcr.io/acme/auth", tag: "1"}\nbare: ghcr.io/acme/bare:1\n',
    [plugin('a', '{{ .Values.plugin.url }}:{{ .Values.plugin.tag }}'), plugin('b', '{{ .Values.bare }}')].join('---\n'),
    { setPaths: ['bare', 'plugin.url'] },
  ),
  shape(
    'artifacts that GitOps tools fetch, by tag and by digest',
    `charts: ghcr.io/acme/charts\nflux: {url: "oci://ghcr.io/acme/deploy", digest: "${DIGEST}"}\n`,
    `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: a}
spec: {source: {repoURL: "{{ .Values.charts }}", chart: shop, targetRevision: 1.4.0}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: f}
spec: {url: "{{ .Values.flux.url }}", ref: {digest: "{{ .Values.flux.digest }}"}}
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: g}
spec: {url: oci://ghcr.io/acme/fixed, ref: {tag: v1}}
`,
    { unmapped: ['ghcr.io/acme/fixed:v1'], setPaths: ['charts', 'flux.url'] },
  ),
  shape(
    'an image volume',
    'volume: quay.io/acme/data:1\n',
    `${pod('quay.io/acme/fixed:1').trimEnd()}\n  volumes:\n  - name: v\n    image:\n      reference: "{{ .Values.volume }}"\n`,
    { unmapped: ['quay.io/acme/fixed:1'], setPaths: ['volume'] },
  ),
  shape(
    'a switch without which foreign images are refused',
    'global: {security: {allowForeign: false}}\nimage: quay.io/acme/app:1\n',
    `{{- if not (or .Values.global.security.allowForeign (hasPrefix "quay.io/" .Values.image)) }}{{ fail "set global.security.allowForeign to true to go on" }}{{ end }}\n${pod('{{ .Values.image }}')}`,
    { setPaths: ['global.security.allowForeign', 'image'] },
  ),
  shape(
    'a word that decides which digest is written',
    `image: {registry: ghcr.io, repository: acme/app, flavor: slim, slimDigest: ${DIGEST}}\n`,
    pod(
      '{{ .Values.image.registry }}/{{ .Values.image.repository }}/{{ .Values.image.flavor }}:v1{{ if eq .Values.image.flavor "slim" }}@{{ .Values.image.slimDigest }}{{ end }}',
    ),
    { setPaths: ['image.registry'] },
  ),
  shape(
    'all values in a Secret, for a program to read',
    'proxy: {image: {name: acme/proxy, tag: v3}}\nlabel: acme/proxy\n',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  values.yaml: {{ .Values | toYaml | b64enc | quote }}\n',
    { setPaths: ['proxy.image.name'] },
  ),
  shape(
    'all values in a Secret, with a name of one word, which may be of anything',
    'proxy: {image: {name: traefik, tag: v3}}\nlabel: traefik\n',
    'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata:\n  values.yaml: {{ .Values | toYaml | b64enc | quote }}\n',
    { setPaths: [] },
  ),
  shape(
    "another chart's values in base64, in a script",
    'child: {values: {image: {repository: acme/child, tag: "1.0"}, replicas: 1}}\n',
    'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    command:\n    - sh\n    - -c\n    - |\n      set -e\n      VALUES="{{ .Values.child.values | toYaml | b64enc }}"\n      helm install child acme/child -f values.yaml\n',
    { setPaths: ['child.values.image.repository'] },
  ),
  shape('a list that the templates append to', 'refs: ["rules:5"]\nplugin: quay.io/acme/plugin:1\n', '', {
    // Helm renders the templates of a folder in reverse order of their names: those that use the values come after this one.
    files: {
      'templates/z.yaml': `{{- if not (has .Values.plugin .Values.refs) }}{{ $_ := set .Values "refs" (append .Values.refs .Values.plugin) }}{{ end }}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  c.yaml: |\n    install:\n      refs:\n{{ .Values.refs | toYaml | indent 6 }}\n`,
    },
    setPaths: ['plugin'],
  }),
  shape(
    'documents that differ from run to run',
    'image: quay.io/acme/app:1\n',
    `apiVersion: v1\nkind: Secret\nmetadata: {name: r}\nstringData: {password: {{ randAlphaNum 20 }}}\n---\n${pod('{{ .Values.image }}')}`,
    { setPaths: ['image'] },
  ),
  shape('an image that is fixed in the template', '{}\n', pod('busybox:1.36'), {
    unmapped: ['docker.io/library/busybox:1.36'],
    setPaths: [],
  }),
];
