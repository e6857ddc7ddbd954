import { formatReference, parseReference } from '../../src/oci/reference.ts';
import { type GeneratedImage, SHAPES, type Shape } from './generated-shapes.ts';
import fc from './property.ts';

/** Use of a shape: its images, and the workload around it. */
interface ShapeUse {
  readonly shape: string;
  readonly image: GeneratedImage;
  readonly other: GeneratedImage;
  readonly workload: keyof typeof WORKLOADS;
}

/** Description of a chart to generate. */
export interface ChartPlan {
  readonly shapes: readonly ShapeUse[];
  /** Value of `global.imageRegistry`; undefined: the values do not have it. */
  readonly global: string | undefined;
  readonly subcharts: readonly SubchartPlan[];
}

interface SubchartPlan {
  readonly shapes: readonly ShapeUse[];
  readonly hasAlias: boolean;
  /** Where the subchart's values are: in its own values.yaml, in the parent's, or imported from its `exports`. */
  readonly values: 'own' | 'parent' | 'imported';
}

/** A generated chart and its references. */
export interface GeneratedChart {
  /** Files by path below the chart. */
  readonly files: Readonly<Record<string, string>>;
  /** References as the render has them. */
  readonly written: readonly string[];
  /** Full names of those that no value can map. */
  readonly unmapped: readonly string[];
  readonly isMappable: boolean;
}

const image = fc.record({
  registry: fc.constantFrom('docker.io', 'quay.io', 'ghcr.io', 'registry.corp.example:5443'),
  path: fc.constantFrom('nginx', 'acme/app', 'acme/side-car', 'deep/er/tool_box', 'k8s.io/kubectl'),
  tag: fc.constantFrom('1.0', 'v1.2.3', 'latest', '7', '2024-01-01'),
});

const WORKLOADS = {
  Pod: (name: string, containers: string) =>
    `apiVersion: v1\nkind: Pod\nmetadata:\n  name: ${name}\nspec:\n  containers:\n${indent(containers, 2)}`,
  Deployment: (name: string, containers: string) =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: ${name}\nspec:\n  template:\n    spec:\n      initContainers:\n${indent(containers, 6)}`,
  hook: (name: string, containers: string) =>
    `apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: ${name}\n  annotations:\n    helm.sh/hook: pre-install\nspec:\n  template:\n    spec:\n      containers:\n${indent(containers, 6)}`,
};

const choice = fc.record({
  shape: fc.constantFrom(...Object.keys(SHAPES)),
  image,
  other: image,
  workload: fc.constantFrom('Pod', 'Deployment', 'hook') as fc.Arbitrary<keyof typeof WORKLOADS>,
});

/** Charts with a few shapes each, and up to two subcharts. */
export const chartPlans: fc.Arbitrary<ChartPlan> = fc.record({
  shapes: fc.array(choice, { minLength: 1, maxLength: 6 }),
  global: fc.constantFrom(undefined, '', 'mirror.corp.example'),
  subcharts: fc.array(
    fc.record({
      shapes: fc.array(choice, { minLength: 1, maxLength: 4 }),
      hasAlias: fc.boolean(),
      values: fc.constantFrom('own' as const, 'parent' as const, 'imported' as const),
    }),
    { maxLength: 2 },
  ),
});

const HELPERS = `{{- define "image" -}}
{{- $registry := .image.registry | default .default -}}
{{- if .global }}{{ $registry = .global.imageRegistry | default $registry }}{{ end -}}
{{- printf "%s/%s:%s" $registry .image.repository (.image.tag | toString) -}}
{{- end -}}
`;

/** Generates the files of a chart. */
export function generateChart({ shapes: choices, global, subcharts }: ChartPlan): GeneratedChart {
  const root = chartOf('generated', choices, global);
  const files: Record<string, string> = { ...root.files };
  const values: Record<string, unknown> = {
    ...root.values,
    ...(global === undefined ? {} : { global: { imageRegistry: global } }),
  };
  const dependencies: object[] = [];
  const pieces = [...root.pieces];
  for (const [i, { shapes: own, hasAlias, values: where }] of subcharts.entries()) {
    const name = `sub${i}`;
    const alias = hasAlias ? `alias${i}` : name;
    const sub = chartOf(name, own, global);
    pieces.push(...sub.pieces);
    const isImported = where === 'imported';
    dependencies.push({
      name,
      version: '1.0.0',
      ...(hasAlias ? { alias } : {}),
      ...(isImported ? { 'import-values': ['defaults'] } : {}),
    });
    if (where === 'parent') values[alias] = sub.values;
    const below = `charts/${name}`;
    // The parent's own templates use imported values.
    for (const [path, text] of Object.entries(sub.files)) {
      const isUsed = isImported && path.startsWith('templates/') && !path.endsWith('.tpl');
      files[isUsed ? path.replace('templates/', `templates/${name}-`) : `${below}/${path}`] = text;
    }
    files[`${below}/Chart.yaml`] = `apiVersion: v2\nname: ${name}\nversion: 1.0.0\n`;
    const defaults = where === 'own' ? sub.values : isImported ? { exports: { defaults: sub.values } } : {};
    files[`${below}/values.yaml`] = JSON.stringify(defaults);
  }
  files['Chart.yaml'] = JSON.stringify({ apiVersion: 'v2', name: 'generated', version: '1.0.0', dependencies });
  files['values.yaml'] = JSON.stringify(values, null, 1);
  const fullName = (text: string): string => formatReference(parseReference(text));
  return {
    files,
    written: pieces.flatMap(({ written }) => written),
    unmapped: [...new Set(pieces.flatMap(({ fixed = [] }) => fixed.map(fullName)))],
    isMappable: pieces.every(({ isConflict = false }) => !isConflict),
  };
}

interface ChartParts {
  readonly files: Readonly<Record<string, string>>;
  readonly values: Readonly<Record<string, unknown>>;
  readonly pieces: readonly Shape[];
}

/** Keys have the chart's name as a prefix: imported values are merged with the parent's own. */
function chartOf(name: string, choices: readonly ShapeUse[], global: string | undefined): ChartParts {
  const files: Record<string, string> = { 'templates/_helpers.tpl': HELPERS };
  const values: Record<string, unknown> = {};
  const pieces: Shape[] = [];
  for (const [i, { shape, image, other, workload }] of choices.entries()) {
    const key = `${name}${'abcdef'[i]}`;
    const piece = SHAPES[shape]?.(key, image, other, global);
    if (piece === undefined) continue;
    pieces.push(piece);
    values[key] = piece.values;
    const { images = [], manifests = [] } = piece;
    const containers = images.map((text, n) => `- name: c${n}\n  image: "${text}"`).join('\n');
    const workloads = images.length === 0 ? [] : [WORKLOADS[workload](key, containers)];
    files[`templates/${key}.yaml`] = [...workloads, ...manifests].join('\n---\n');
  }
  return { files, values, pieces };
}

function indent(text: string, by: number): string {
  return text.replaceAll(/^/gm, ' '.repeat(by));
}
