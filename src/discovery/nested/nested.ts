import type { RenderedDocument } from '../../helm/documents.ts';
import type { Values } from '../../helm/render.ts';
import { typeMetaOf } from '../../helm/type-meta.ts';
import { isIgnoredKind } from '../relevance.ts';
import { argoCharts } from './argo.ts';
import type { NestedChart } from './chart.ts';
import { declaredCharts } from './declared-charts.ts';
import { fluxCharts } from './flux.ts';
import { type HelmInstall, helmInstalls } from './helm-installs.ts';
import { k3sCharts } from './k3s.ts';
import { type Resource, resourcesOf } from './resource.ts';

/** API groups of objects that declare charts. Manifests of other groups are parsed only if they call Helm. */
const CONTROLLERS = /^(?:argoproj\.io|[\w.-]+\.toolkit\.fluxcd\.io|helm\.cattle\.io)\//;
/** In quoted text, a line break before the name is a literal `\n`. */
const NAMES_HELM = /(?:\b|\\n)helm[34]?\b(?!\.sh\/)/;
const HELM = /(?:\b|\\n)helm[34]?\b(?=["',\]\s-])/g;
const VERB = /^["',\]-]*(?:install|upgrade|template|pull|fetch)\b/;
/** Number of characters, and words, after `helm` in which the verb is searched. */
const VERB_WINDOW = 400;
const VERB_WINDOW_WORDS = 10;
/** Kinds that releases and scripts read values from. */
const DATA_KIND = /^(?:ConfigMap|Secret)$/;

/**
 * Returns the charts that a rendered chart installs: those in objects of Argo CD, Flux and k3s, and those that its
 * scripts install, with the values declared for them. Without duplicates.
 * @param values coalesced values of the chart
 */
export function nestedCharts(documents: readonly RenderedDocument[], values: Values): NestedChart[] {
  const hasControllerObjects = documents.some(isControllerObject);
  const hasScripts = documents.some(({ text }) => callsHelm(text));
  if (!hasControllerObjects && !hasScripts) return [];
  const needsData =
    hasScripts || documents.some((document) => isControllerObject(document) && document.text.includes('valuesFrom'));
  const relevant = documents.filter(
    (document) =>
      isControllerObject(document) ||
      (hasScripts && !isIgnoredKind(typeMetaOf(document)?.kind) && NAMES_HELM.test(document.text)) ||
      (needsData && mayContainData(document)),
  );
  const resources = relevant.flatMap(resourcesOf);
  const charts = [
    ...(hasControllerObjects ? [...argoCharts(resources), ...fluxCharts(resources), ...k3sCharts(resources)] : []),
    ...(hasScripts ? scriptedCharts(resources, documents, values) : []),
  ];
  return [...new Map(charts.map((chart) => [installIdentity(chart), chart])).values()];
}

/** Reports whether a document may declare charts; true for Lists and documents of unknown kind. */
function isControllerObject(document: RenderedDocument): boolean {
  const typeMeta = typeMetaOf(document);
  return typeMeta === undefined || typeMeta.kind.endsWith('List') || CONTROLLERS.test(typeMeta.apiVersion);
}

function mayContainData(document: RenderedDocument): boolean {
  const kind = typeMetaOf(document)?.kind;
  return kind === undefined || kind.endsWith('List') || DATA_KIND.test(kind);
}

function callsHelm(text: string): boolean {
  for (const { 0: name, index } of text.matchAll(HELM)) {
    const start = index + name.length;
    if (
      text
        .slice(start, start + VERB_WINDOW)
        .split(/\s+/, VERB_WINDOW_WORDS)
        .some((word) => VERB.test(word))
    )
      return true;
  }
  return false;
}

function scriptedCharts(
  resources: readonly Resource[],
  documents: readonly RenderedDocument[],
  values: Values,
): NestedChart[] {
  const installs = helmInstalls(resources);
  if (installs.length === 0) return [];
  return declaredCharts(values, installs, documents.map(({ text }) => text).join('\n'));
}

/** Returns the Helm calls in the scripts of a render, with their variables expanded. */
export function scriptedInstalls(documents: readonly RenderedDocument[]): HelmInstall[] {
  const relevant = documents.filter((document) => NAMES_HELM.test(document.text) || mayContainData(document));
  return helmInstalls(relevant.flatMap(resourcesOf));
}

/** Key that is equal for declarations of the same install. */
function installIdentity({ via: _via, unresolved: _unresolved, ...chart }: NestedChart): string {
  return JSON.stringify(chart);
}
