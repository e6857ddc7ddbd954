import {
  type Confidence,
  type EvidenceKind,
  type Finding,
  isBundledByDefault,
  type Location,
  type Need,
  type Redirect,
} from '../../inventory/finding.ts';
import type { WhyResult } from '../../workflows/images/why.ts';
import { joinLines } from './text.ts';

export const HOW_TEXT: Readonly<Record<EvidenceKind, string>> = {
  'pod-spec': 'image field of a pod spec',
  env: 'environment variable of a container',
  argument: 'command or argument of a container',
  config: 'configuration in a ConfigMap or Secret',
  'custom-resource': 'field of a custom resource',
  annotation: 'annotation of an object',
  influence: 'text built from values whose keys say that they are an image',
  declared: 'list of images that the chart declares',
  'nested-chart': 'chart that another chart installs',
  'operator-rule': "operator's default image, known from an operator rule",
  'image-config': 'configuration of another image',
  'inside-image': 'name in the files of an operator image',
  added: 'added by name',
};

export const NEED_TEXT: Readonly<Record<Need, string>> = {
  install: 'pulled by the install',
  operand: 'pulled by pods that the installed software creates',
  lifecycle: 'pulled by upgrades, rollbacks or the uninstall',
  optional: 'pulled if an optional component is enabled',
  test: 'pulled by helm test',
};

const CONFIDENCE_TEXT: Readonly<Record<Confidence, string>> = {
  certain: 'certain: Kubernetes uses it as an image, or it was named explicitly',
  likely: 'likely: its key or its form indicates an image',
  possible: 'possible: listed, but bundled only with --include',
};

const OPERATOR_DEFAULT_TEXT =
  'possible: the chart has custom resources of its own; bundled for those that users create';

/** Formats everything known about each image. */
export function whyReport({ images }: Pick<WhyResult, 'images'>): string {
  return images.map(imageText).join('\n\n');
}

function imageText({ reference, need, confidence, found }: Finding): string {
  const locations = Map.groupBy(found, ({ profile: _, values: _values, ...location }) => JSON.stringify(location));
  const isOperatorDefault = confidence === 'possible' && isBundledByDefault({ confidence, found });
  return [
    reference,
    `  ${NEED_TEXT[need]}`,
    `  ${isOperatorDefault ? OPERATOR_DEFAULT_TEXT : CONFIDENCE_TEXT[confidence]}`,
    ...[...locations.values()].map((group) => locationText(reference, group)),
  ].join('\n');
}

/** Formats one location. @param group its entries, one for each profile */
function locationText(reference: string, group: readonly Location[]): string {
  const [location] = group;
  if (location === undefined) return '';
  const { how, kind, name, path, within, hook, template, written, parts = [], redirect, pod, imageStream } = location;
  if (how === 'added') return `\n  ${HOW_TEXT.added}, as ${written}`;
  const values = [...new Set(group.flatMap((entry) => entry.values ?? []))];
  // Manifests and Pods have no profile.
  const profiles = [...new Set(group.map(({ profile }) => profile))].filter((profile) => profile !== '');
  const rows: [string, string | undefined][] = [
    [
      location.chart.includes(' ') ? 'source' : 'chart',
      pod === undefined && imageStream === undefined ? chartText(location) : undefined,
    ],
    ['profile', profiles.length === 0 ? undefined : profiles.join(', ')],
    ['namespace', pod?.namespace ?? imageStream?.namespace],
    ['tag', imageStream?.tag],
    ['why', imageStream?.why],
    ['file', imageStream?.file],
    ['container', pod?.container],
    ['running', pod?.running],
    ['template', template === '' ? undefined : `${template}${documentText(location)}`],
    ['inside', within],
    ['hook', hook],
    ['found as', imageStream === undefined ? HOW_TEXT[how] : 'tag of an image stream'],
    ['written', written === reference ? undefined : written],
    ...parts.map((part): [string, string] => [part.role, `${part.text}  (${part.path})`]),
    ['values', values.length === 0 ? undefined : values.join(', ')],
    ['redirect', redirect === undefined ? undefined : redirectText(redirect)],
  ];
  const title = [...(kind === '' ? [] : [`${kind}/${name}`]), path].join(' ');
  const lines = rows.flatMap(([label, text]) => (text === undefined ? [] : [`    ${label.padEnd(10)}  ${text}`]));
  return `\n${joinLines([`  ${title}`, ...lines])}`;
}

export function chartText({ chart, via = [], subcharts = [] }: Location): string {
  const subchartTexts = subcharts.map(({ name, version, alias }) => {
    const title = version === undefined ? name : `${name} ${version}`;
    return `, subchart ${title}${alias === undefined ? '' : ` as ${alias}`}`;
  });
  const parents = via.length === 0 ? '' : ` (installed by ${via.join(' > ')})`;
  return `${chart}${parents}${subchartTexts.join('')}`;
}

function documentText({ document }: Location): string {
  return document === 0 ? '' : `, document ${document + 1}`;
}

function redirectText({ kind, name, value = '{reference}', values }: Redirect): string {
  const valuesTexts = values === undefined ? [] : [`values ${flattenValues(values, '').join(', ')}`];
  switch (kind) {
    case 'none':
      return 'none: the image is built into the operator';
    case 'values':
      return valuesTexts.join('');
    case 'env':
      return [`environment variable ${name} of the operator, ${value}`, ...valuesTexts].join('; ');
    case 'argument':
      return [`argument ${name} of the operator, ${value}`, ...valuesTexts].join('; ');
    case 'resource-field':
      return [`field ${name}, ${value}`, ...valuesTexts].join('; ');
  }
}

/** Returns `a.b={reference}` for every leaf of a values tree. */
function flattenValues(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [`${path}=${String(value)}`];
  return Object.entries(value).flatMap(([key, item]) => flattenValues(item, path === '' ? key : `${path}.${key}`));
}
