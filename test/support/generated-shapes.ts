/** An image that a chart names. */
export interface GeneratedImage {
  readonly registry: string;
  /** Without `library/`. */
  readonly path: string;
  readonly tag: string;
}

/** One way to build references, under its own key of the values. */
export interface Shape {
  /** Values below its key. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Template expressions that render one reference each. */
  readonly images?: readonly string[];
  /** Whole manifests, instead of or besides `images`. */
  readonly manifests?: readonly string[];
  /** References as rendered. */
  readonly written: readonly string[];
  /** Those of them that no value can map. */
  readonly fixed?: readonly string[];
  /** They cannot all be mapped together; any of them may be left. */
  readonly isConflict?: boolean;
}

/** Builds a shape from two images, for the key `k`, in a chart whose global registry may be empty. */
type Make = (k: string, image: GeneratedImage, other: GeneratedImage, global: string | undefined) => Shape;

const DIGEST = `sha256:${'b'.repeat(64)}`;

/** The name as charts write it: without docker.io. */
const short = ({ registry, path }: GeneratedImage): string => (registry === 'docker.io' ? path : `${registry}/${path}`);
const full = ({ registry, path }: GeneratedImage): string => `${registry}/${path}`;
const tagged = (image: GeneratedImage): string => `${short(image)}:${image.tag}`;

function config(k: string, text: string): string {
  const lines = text.replaceAll(/^/gm, '    ');
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${k}\ndata:\n  config.yaml: |\n${lines}\n`;
}

/** Shapes of the generated charts, by a name for failure messages. */
export const SHAPES: Readonly<Record<string, Make>> = {
  'a whole reference': (k, image) => ({
    values: { image: tagged(image) },
    images: [`{{ .Values.${k}.image }}`],
    written: [tagged(image)],
  }),
  'registry, repository, tag': (k, image) => ({
    values: { registry: image.registry, repository: image.path, tag: image.tag },
    images: [`{{ .Values.${k}.registry }}/{{ .Values.${k}.repository }}:{{ .Values.${k}.tag }}`],
    written: [`${full(image)}:${image.tag}`],
  }),
  'repository and a tag that is a number': (k, image) => ({
    values: { image: { repository: short(image), tag: 1.25 } },
    images: [`{{ .Values.${k}.image.repository }}:{{ .Values.${k}.image.tag }}`],
    written: [`${short(image)}:1.25`],
  }),
  'a registry that a helper defaults': (k, image) => ({
    values: { image: { repository: image.path, tag: image.tag } },
    images: [`{{ include "image" (dict "image" .Values.${k}.image "default" "${image.registry}") }}`],
    written: [`${full(image)}:${image.tag}`],
  }),
  'an empty registry that a helper defaults': (k, image) => ({
    values: { image: { registry: '', repository: image.path, tag: image.tag } },
    images: [`{{ include "image" (dict "image" .Values.${k}.image "default" "${image.registry}") }}`],
    written: [`${full(image)}:${image.tag}`],
  }),
  'a registry under a global one': (k, image, _, global) => ({
    values: { image: { registry: image.registry, repository: image.path, tag: image.tag } },
    images: [
      `{{ include "image" (dict "image" .Values.${k}.image${global === undefined ? '' : ' "global" .Values.global'}) }}`,
    ],
    written: [`${global || image.registry}/${image.path}:${image.tag}`],
  }),
  'hub and name': (k, image) => ({
    values: { hub: `${image.registry}/acme` },
    images: [`{{ .Values.${k}.hub }}/pilot:${image.tag}`],
    written: [`${image.registry}/acme/pilot:${image.tag}`],
  }),
  'organisation and name': (k, image) => ({
    values: { image: { registry: image.registry, organization: 'acme', name: 'app', tag: image.tag } },
    images: [`{{ with .Values.${k}.image }}{{ .registry }}/{{ .organization }}/{{ .name }}:{{ .tag }}{{ end }}`],
    written: [`${image.registry}/acme/app:${image.tag}`],
  }),
  'tag and digest': (k, image) => ({
    values: { image: { repository: full(image), tag: image.tag, digest: DIGEST } },
    images: [`{{ .Values.${k}.image.repository }}:{{ .Values.${k}.image.tag }}@{{ .Values.${k}.image.digest }}`],
    written: [`${full(image)}:${image.tag}@${DIGEST}`],
  }),
  'a digest alone': (k, image) => ({
    values: { image: { registry: image.registry, repository: image.path, digest: DIGEST } },
    images: [`{{ .Values.${k}.image.registry }}/{{ .Values.${k}.image.repository }}@{{ .Values.${k}.image.digest }}`],
    written: [`${full(image)}@${DIGEST}`],
  }),
  'one registry for two': (k, image, other) => ({
    values: { registry: image.registry, a: { image: image.path }, b: { image: other.path } },
    images: ['a', 'b'].map((one) => `{{ .Values.${k}.registry }}/{{ .Values.${k}.${one}.image }}:${image.tag}`),
    written: [image, other].map(({ path }) => `${image.registry}/${path}:${image.tag}`),
  }),
  'one registry for two, with names of the template': (k, image) => ({
    values: { registry: image.registry },
    images: [`{{ .Values.${k}.registry }}/redis:7`, `{{ .Values.${k}.registry }}/acme/redis:7`],
    written: [`${image.registry}/redis:7`, `${image.registry}/acme/redis:7`],
    isConflict: image.registry === 'docker.io',
  }),
  'a list': (k, image, other) => ({
    values: {
      list: [
        { name: 'one', image: tagged(image), keep: 7 },
        { name: 'two', image: tagged(other) },
      ],
    },
    images: [0, 1].map((i) => `{{ (index .Values.${k}.list ${i}).image }}`),
    written: [tagged(image), tagged(other)],
  }),
  'a map with dots in its keys': (k, image, other) => ({
    values: { map: { 'v1.1': tagged(image), 'v1.2': tagged(other) } },
    images: ['v1.1', 'v1.2'].map((key) => `{{ index .Values.${k}.map "${key}" }}`),
    written: [tagged(image), tagged(other)],
  }),
  'a value that is a template': (k, image) => ({
    values: { registry: image.registry, image: `{{ .Values.${k}.registry }}/${image.path}:${image.tag}` },
    images: [`{{ tpl .Values.${k}.image . }}`],
    written: [`${full(image)}:${image.tag}`],
  }),
  'a leaf that only the template mentions': (k, image) => ({
    values: {},
    images: [`{{ (.Values.${k}.job).image | default "${tagged(image)}" }}`],
    written: [tagged(image)],
  }),
  'an argument of a controller': (k, image, other) => ({
    values: { sidecar: { repository: full(image), tag: image.tag }, image: tagged(other) },
    manifests: [
      `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${k}\nspec:\n  template:\n    spec:\n      containers:\n      - name: c\n        image: "{{ .Values.${k}.image }}"\n        args:\n        - --sidecar-image={{ .Values.${k}.sidecar.repository }}:{{ .Values.${k}.sidecar.tag }}\n        env:\n        - name: RELATED_IMAGE_SIDECAR\n          value: "{{ .Values.${k}.sidecar.repository }}:{{ .Values.${k}.sidecar.tag }}"\n`,
    ],
    written: [tagged(other), `${full(image)}:${image.tag}`],
  }),
  'a text of several lines': (k, image, other) => ({
    values: { text: `a=${full(image)}:1.0\n# why\nb=${full(other)}:2.0\n` },
    manifests: [
      `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${k}\ndata:\n  images: |\n{{ .Values.${k}.text | indent 4 }}\n`,
    ],
    written: [`${full(image)}:1.0`, `${full(other)}:2.0`],
  }),
  "a controller's configuration, without registry or tag": (k, image) => ({
    values: { proxy: { image: { name: image.path } } },
    manifests: [config(k, `proxy:\n  image: {{ .Values.${k}.proxy.image.name }}`)],
    written: [image.path],
  }),
  'in base64': (k, image) => ({
    values: { agent: { image: `${full(image)}:${image.tag}` } },
    manifests: [
      `apiVersion: v1\nkind: Secret\nmetadata:\n  name: ${k}\ndata:\n  agent.yaml: {{ printf "image: %s\\n" .Values.${k}.agent.image | b64enc | quote }}\n`,
    ],
    written: [`${full(image)}:${image.tag}`],
  }),
  'hard-coded': (_, image) => ({
    values: {},
    images: [tagged(image)],
    written: [tagged(image)],
    fixed: [tagged(image)],
  }),
};
