import type { RenderedDocument } from '../../helm/documents.ts';
import type { Values } from '../../helm/render.ts';
import { argoCharts } from './argo.ts';
import type { NestedChart } from './chart.ts';
import { declaredCharts } from './declared.ts';
import { fluxCharts } from './flux.ts';
import { type Install, installsOf } from './installs.ts';
import { k3sCharts } from './k3s.ts';
import { entryOf, type Resource, resourcesOf } from './resource.ts';
import { helmScripts } from './scripts.ts';

/** Groups whose objects name charts; a manifest that has none of them and does not call Helm is not parsed. */
const CONTROLLERS = /apiVersion["']?:\s*["']?(?:argoproj\.io|[\w.-]+\.toolkit\.fluxcd\.io|helm\.cattle\.io)\//;
/** Line breaks are `\n` where a text stands in quotes. */
const NAMES_HELM = /(?:\b|\\n)helm[34]?\b(?!\.sh\/)/;
const CALLS_HELM = /(?:\b|\\n)helm[34]?\b["',\]\s-]+(?:\S+\s+){0,8}?["']?(?:install|upgrade|template|pull|fetch)\b/;
/** What a release or a script may take values from. */
const HOLDER = /^kind:[ \t]*["']?(?:ConfigMap|Secret)\b/m;

/**
 * The charts that a rendered chart brings along: those of Argo CD's, Flux's and k3s's objects, and those that a script
 * of the render installs, with what the values declare for them. Each distinct one once.
 * @param values coalesced values of the chart
 */
export function nestedCharts(documents: readonly RenderedDocument[], values: Values): NestedChart[] {
  const byController = documents.some(({ text }) => CONTROLLERS.test(text));
  const byScript = documents.some(({ text }) => CALLS_HELM.test(text));
  if (!byController && !byScript) return [];
  const needsHolders = byScript || documents.some(({ text }) => CONTROLLERS.test(text) && /valuesFrom/.test(text));
  const relevant = documents.filter(
    ({ text }) => CONTROLLERS.test(text) || (byScript && NAMES_HELM.test(text)) || (needsHolders && HOLDER.test(text)),
  );
  const resources = relevant.flatMap(resourcesOf);
  const charts = [
    ...(byController ? [...argoCharts(resources), ...fluxCharts(resources), ...k3sCharts(resources)] : []),
    ...(byScript ? scripted(resources, documents, values) : []),
  ];
  return [...new Map(charts.map((chart) => [identityOf(chart), chart])).values()];
}

function scripted(
  resources: readonly Resource[],
  documents: readonly RenderedDocument[],
  values: Values,
): NestedChart[] {
  const installs = callsIn(resources);
  if (installs.length === 0) return [];
  return declaredCharts(values, installs, documents.map(({ text }) => text).join('\n'));
}

function callsIn(resources: readonly Resource[]): Install[] {
  const holders = resources.filter(({ kind }) => kind === 'ConfigMap' || kind === 'Secret');
  const fileOf = (name: string): string | undefined =>
    holders.map((holder) => entryOf(holder, name)).find((text) => text !== undefined);
  return installsOf(helmScripts(resources), fileOf);
}

/** The calls of Helm in the scripts of a render, as they would be made. */
export function scriptedInstalls(documents: readonly RenderedDocument[]): Install[] {
  const relevant = documents.filter(({ text }) => NAMES_HELM.test(text) || HOLDER.test(text));
  return callsIn(relevant.flatMap(resourcesOf));
}

/** What makes two declarations the same install. */
function identityOf({ via: _via, unseen: _unseen, ...chart }: NestedChart): string {
  return JSON.stringify(chart);
}
