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

/** API groups of objects that declare charts. Manifests of other groups are parsed only if they call Helm. */
const CONTROLLERS = /^(?:argoproj\.io|[\w.-]+\.toolkit\.fluxcd\.io|helm\.cattle\.io)\//;
/**
 * Line breaks are `
 * ` in quoted text.
 */
const NAMES_HELM = /(?:\b|\\n)helm[34]?\b(?!\.sh\/)/;
const HELM = /(?:\b|\\n)helm[34]?\b(?=["',\]\s-])/g;
const VERB = /^["',\]-]*(?:install|upgrade|template|pull|fetch)\b/;
/** Number of characters, and words, after `helm` in which the verb is searched. */
const REACH = 400;
const WORDS = 10;
/** Kinds that releases and scripts read values from. */
const HOLDER = /^(?:ConfigMap|Secret)$/;

/**
 * Returns the charts that a rendered chart installs: those in objects of Argo CD, Flux and k3s, and those that its
 * scripts install, with the values declared for them. Without duplicates.
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

/** Tests whether a document may declare charts; true for Lists and documents of unknown kind. */
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

/** Returns the Helm calls in the scripts of a render, with their variables expanded. */
export function scriptedInstalls(documents: readonly RenderedDocument[]): Install[] {
  const relevant = documents.filter((document) => NAMES_HELM.test(document.text) || isHolder(document));
  return callsIn(relevant.flatMap(resourcesOf));
}

/** Key that is equal for declarations of the same install. */
function identityOf({ via: _via, unseen: _unseen, ...chart }: NestedChart): string {
  return JSON.stringify(chart);
}
