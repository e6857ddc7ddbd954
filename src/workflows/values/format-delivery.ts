import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { UniqueFileNames } from '../../base/file-names.ts';
import { isMapping } from '../../base/mapping.ts';
import { toFileName } from '../../base/names.ts';
import { SECRET_FILE } from '../../base/own-file.ts';
import { jsonText } from '../../base/printable.ts';
import { textBefore } from '../../base/text-trim.ts';
import { type NestedChart, nestedCharts } from '../../discovery/nested/index.ts';
import type { RenderedDocument } from '../../helm/documents.ts';
import type { RenderOptions } from '../../helm/render.ts';
import {
  formatArgoApplication,
  formatFlux,
  type GeneratedFiles,
  type HostManifest,
  parseDocuments,
  withHead,
  withoutHead,
} from '../../overrides/formats/index.ts';
import { overridesHeader } from '../../overrides/index.ts';
import { type Context, withScratch } from '../../session/context.ts';
import { type Overrides, type ValuesOptions, values } from './values.ts';

/** Delivery tools with a manifest of their own. */
export type DeliveryFormat = 'argocd' | 'flux';

/** Options for writing the manifest of a delivery tool. */
export interface DeliveryOptions extends ValuesOptions {
  /** Text of a manifest that already installs the chart; its values are used and the overrides are merged into it. */
  readonly from?: string;
  /** Namespace for a newly created resource. */
  readonly namespace: string;
  /** Access the target over HTTP without TLS. */
  readonly plainHttp: boolean;
}

/** Overrides of a chart, and the manifest that contains them. */
export interface Delivery {
  readonly overrides: Overrides;
  readonly formatted: GeneratedFiles;
}

/**
 * Derives overrides as {@link values} does, and formats the resource that installs the chart with them.
 * @throws AirgapError `usage` for a manifest that does not install the chart
 */
export function formatDelivery(
  context: Context,
  format: DeliveryFormat,
  { from, namespace, plainHttp, ...options }: DeliveryOptions,
): Promise<Delivery[]> {
  return withScratch(context, async (scratch) => {
    const { target, render } = options;
    const host =
      from === undefined ? undefined : findHostChart(withoutHead(from), format, options.request?.chart ?? '');
    const renderOptions =
      host === undefined ? render : await withHostValues(render, host.nested, join(scratch, 'given.json'));
    const formatResource = format === 'argocd' ? formatArgoApplication : formatFlux;
    const results = await values(context, { ...options, render: renderOptions });
    const isRepeated = (name: string): boolean => results.filter(({ chart }) => chart === name).length > 1;
    const names = new UniqueFileNames();
    return results.map((overrides) => {
      const { chart, version } = overrides;
      const header = overridesHeader(overrides, target);
      const release = {
        releaseName: host?.nested.releaseName || chart,
        namespace: host?.nested.namespace || namespace,
      };
      const delivered = { name: chart, version, target, header, plainHttp, overrides: overrides.overrides, ...release };
      const formatted = formatResource(delivered, host?.manifest);
      const name = names.take(...(isRepeated(chart) ? [] : [toFileName(chart)]), toFileName(chart, version));
      const files = formatted.files.map(({ text }) => ({
        path: `${name}.yaml`,
        text: host === undefined ? text : withHead(header, text),
      }));
      return { overrides, formatted: { ...formatted, files } };
    });
  });
}

/** Chart in an existing manifest. */
interface HostChart {
  readonly nested: NestedChart;
  readonly manifest: HostManifest;
}

const KINDS: Readonly<Record<DeliveryFormat, RegExp>> = { argocd: /^Application(?:Set)?$/, flux: /^HelmRelease$/ };

/** Finds the resource of a manifest that installs the chart; by chart name if there are several. */
function findHostChart(text: string, format: DeliveryFormat, request: string): HostChart {
  const documents = parseDocuments(text).map((document, index): RenderedDocument => {
    const object: unknown = document.toJS({ maxAliasCount: 1000 });
    return { template: '', index, text: document.toString(), object: isMapping(object) ? object : undefined };
  });
  const all = nestedCharts(documents, {}).filter(({ via }) => KINDS[format].test(via.kind));
  const chartName = textBefore(request.slice(request.lastIndexOf('/') + 1), '@');
  const named = all.filter(({ name }) => chartName === name || chartName.startsWith(`${name}-`));
  const [nested, ...more] = all.length === 1 ? all : named;
  if (nested === undefined || more.length > 0) {
    const kind = format === 'argocd' ? 'Application' : 'HelmRelease';
    const count = nested === undefined ? 'no' : 'more than one';
    throw new AirgapError('usage', `the manifest given with --from has ${count} ${kind} with chart ${chartName}`, {
      hint: 'give a manifest with exactly one such resource',
    });
  }
  return { nested, manifest: { text, document: nested.via.document, path: nested.via.path } };
}

/** Puts the manifest's values before those of the command line, which take precedence. */
async function withHostValues(render: RenderOptions, nested: NestedChart, file: string): Promise<RenderOptions> {
  await writeFile(file, jsonText(nested.values), { mode: SECRET_FILE });
  return {
    ...render,
    values: [file, ...(render.values ?? [])],
    set: [...(nested.set ?? []), ...(render.set ?? [])],
    setString: [...(nested.setString ?? []), ...(render.setString ?? [])],
  };
}
