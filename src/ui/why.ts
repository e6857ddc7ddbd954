import {
  type Confidence,
  type Finding,
  type How,
  isWanted,
  type Need,
  type Place,
  type Redirect,
} from '../lock/finding.ts';
import type { WhyResult } from '../workflows/why.ts';
import { lined } from './text.ts';

const HOW: Readonly<Record<How, string>> = {
  'pod-spec': 'image field of a pod spec',
  env: 'environment variable of a container',
  argument: 'command or argument of a container',
  config: 'configuration in a ConfigMap or Secret',
  'custom-resource': 'field of a custom resource',
  annotation: 'annotation of an object',
  influence: 'text that values build which say of themselves that they are an image',
  declared: 'entry in a list of images that the chart declares',
  'nested-chart': 'chart within a chart',
  'operator-rule': "choice of an operator's own code, known from an operator rule",
  'image-config': 'configuration of another image',
  'inside-image': 'name in the files of another image',
  added: 'added by name',
};

const NEED: Readonly<Record<Need, string>> = {
  install: 'pulled by the install',
  operand: 'pulled by pods that the installed software creates',
  lifecycle: 'pulled by upgrades, rollbacks or the uninstall',
  optional: 'pulled when a component is switched on that is off',
  test: 'pulled by helm test',
};

const CONFIDENCE: Readonly<Record<Confidence, string>> = {
  certain: 'certain, for Kubernetes itself or somebody who named it takes it for an image',
  likely: 'likely, for its name or its form says that it is an image',
  possible: 'only possible, so it is listed and not bundled unless it is asked for',
};

const DEFAULT = 'possible, for the chart brings resources of its own; bundled for those that users make';

/** The story of each image, for people. */
export function whyReport({ images }: Pick<WhyResult, 'images'>): string {
  return images.map(storyText).join('\n\n');
}

function storyText({ reference, need, confidence, found }: Finding): string {
  const places = Map.groupBy(found, ({ profile: _, values: _values, ...place }) => JSON.stringify(place));
  const isDefault = confidence === 'possible' && isWanted({ confidence, found });
  return [
    reference,
    `  ${NEED[need]}; ${isDefault ? DEFAULT : CONFIDENCE[confidence]}`,
    ...[...places.values()].map((same) => placeText(reference, same)),
  ].join('\n');
}

/** One place; the same one under several profiles. */
function placeText(reference: string, same: readonly Place[]): string {
  const [place] = same;
  if (place === undefined) return '';
  const { how, kind, name, path, within, hook, template, written, parts = [], redirect } = place;
  if (how === 'added') return `\n  ${HOW.added}, as ${written}`;
  const values = [...new Set(same.flatMap((one) => one.values ?? []))];
  const rows: [string, string | undefined][] = [
    ['chart', chartText(place)],
    ['profile', [...new Set(same.map(({ profile }) => profile))].join(', ')],
    ['template', template === '' ? undefined : `${template}${documentText(place)}`],
    ['inside', within],
    ['hook', hook],
    ['found as', HOW[how]],
    ['written', written === reference ? undefined : written],
    ...parts.map(({ role, path: at, text }): [string, string] => [role, `${text}  (${at})`]),
    ['values', values.length === 0 ? undefined : values.join(', ')],
    ['redirect', redirect === undefined ? undefined : redirectText(redirect)],
  ];
  const title = [...(kind === '' ? [] : [`${kind}/${name}`]), path].join(' ');
  const lines = rows.flatMap(([label, text]) => (text === undefined ? [] : [`    ${label.padEnd(10)}  ${text}`]));
  return `\n${lined([`  ${title}`, ...lines])}`;
}

function chartText({ chart, via = [], subcharts = [] }: Place): string {
  const inner = subcharts.map(({ name, version, alias }) => {
    const title = version === undefined ? name : `${name} ${version}`;
    return `, subchart ${title}${alias === undefined ? '' : ` as ${alias}`}`;
  });
  const by = via.length === 0 ? '' : ` (brought along by ${via.join(' > ')})`;
  return `${chart}${by}${inner.join('')}`;
}

function documentText({ document }: Place): string {
  return document === 0 ? '' : `, document ${document + 1}`;
}

function redirectText({ kind, name, value = '{reference}', values }: Redirect): string {
  const set = values === undefined ? [] : [`values ${leaves(values, '').join(', ')}`];
  switch (kind) {
    case 'none':
      return 'nothing moves it to another registry: the operator has it built in';
    case 'values':
      return set.join('');
    case 'env':
      return [`environment variable ${name} of the operator, ${value}`, ...set].join('; ');
    case 'argument':
      return [`argument ${name} of the operator, ${value}`, ...set].join('; ');
    case 'resource-field':
      return [`field ${name}, ${value}`, ...set].join('; ');
  }
}

/** `a.b={reference}` of every leaf of a values tree. */
function leaves(value: unknown, path: string): string[] {
  if (typeof value !== 'object' || value === null) return [`${path}=${String(value)}`];
  return Object.entries(value).flatMap(([key, item]) => leaves(item, path === '' ? key : `${path}.${key}`));
}
