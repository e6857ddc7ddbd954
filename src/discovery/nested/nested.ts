import type { RenderedDocument } from '../../helm/documents.ts';
import { headOf } from '../../helm/head.ts';
import type { Values } from '../../helm/render.ts';
import { isSilent } from '../relevance.ts';
import { argoCharts } from './argo.ts';
import type { NestedChart } from './chart.ts';
import { declaredCharts } from './declared.ts';
import { fluxCharts } from './flux.ts';
import { type Install, installsOf } from './installs.ts';
import { k3sCharts } from './k3s.ts';
import { entryOf, type Resource, resourcesOf } from './resource.ts';
import { helmScripts } from './scripts.ts';

/** API groups whose objects name charts; a manifest of none of them that does not call Helm is not parsed. */
const CONTROLLERS = /^(?:argoproj\.io|[\w.-]+\.toolkit\.fluxcd\.io|helm\.cattle\.io)\//;
/** Line breaks are `\n` where a text stands in quotes. */
const NAMES_HELM = /(?:\b|\\n)helm[34]?\b(?!\.sh\/)/;
const HELM = /(?:\b|\\n)helm[34]?\b(?=["',\]\s-])/g;
const VERB = /^["',\]-]*(?:install|upgrade|template|pull|fetch)\b/;
/** Characters behind Helm's name in which its verb is looked for, and words there. */
const REACH = 400;
const WORDS = 10;
/** What a release or a script may take values from. */
const HOLDER = /^(?:ConfigMap|Secret)$/;

/**
 * The charts that a rendered chart brings along: those of Argo CD's, Flux's and k3s's objects, and those that a script
 * of the render installs, with what the values declare for them. Each distinct one once.
 * @param values coalesced values of the chart
 */
export function nestedCharts(documents: readonly RenderedDocument[], values: Values): NestedChart[] {
  const byController = documents.some(isByController);
  const byScript = documents.some(({ text }) => callsHelm(text));
  if (!byController && !byScript) return [];
  const needsHolders =
    byScript || documents.some((document) => isByController(document) && document.text.includes('valuesFrom'));
  const relevant = documents.filter(
    (document) =>
      isByController(document) ||
      (byScript && !isSilent(headOf(document)?.kind) && NAMES_HELM.test(document.text)) ||
      (needsHolders && isHolder(document)),
  );
  const resources = relevant.flatMap(resourcesOf);
  const charts = [
    ...(byController ? [...argoCharts(resources), ...fluxCharts(resources), ...k3sCharts(resources)] : []),
    ...(byScript ? scripted(resources, documents, values) : []),
  ];
  return [...new Map(charts.map((chart) => [identityOf(chart), chart])).values()];
}

/** Whether an object may name charts; one whose kind does not show, and a List, may. */
function isByController(document: RenderedDocument): boolean {
  const head = headOf(document);
  return head === undefined || head.kind.endsWith('List') || CONTROLLERS.test(head.apiVersion);
}

function isHolder(document: RenderedDocument): boolean {
  const kind = headOf(document)?.kind;
  return kind === undefined || kind.endsWith('List') || HOLDER.test(kind);
}

function callsHelm(text: string): boolean {
  for (const { 0: name, index } of text.matchAll(HELM)) {
    const start = index + name.length;
    if (
      text
        .slice(start, start + REACH)
        .split(/\s+/, WORDS)
        .some((word) => VERB.test(word))
    )
      return true;
  }
  return false;
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
  const relevant = documents.filter((document) => NAMES_HELM.test(document.text) || isHolder(document));
  return callsIn(relevant.flatMap(resourcesOf));
}

/** What makes two declarations the same install. */
function identityOf({ via: _via, unseen: _unseen, ...chart }: NestedChart): string {
  return JSON.stringify(chart);
}
