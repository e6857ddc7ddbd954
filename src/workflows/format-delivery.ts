import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AirgapError } from '../base/errors.ts';
import { FileNames } from '../base/file-names.ts';
import { toFileName } from '../base/names.ts';
import { SECRET_FILE } from '../base/own-file.ts';
import { jsonText } from '../base/printable.ts';
import { before } from '../base/text-ends.ts';
import { isMapping, type NestedChart, nestedCharts } from '../discovery/nested/index.ts';
import type { RenderedDocument } from '../helm/documents.ts';
import type { RenderOptions } from '../helm/render.ts';
import { formatTarget } from '../oci/naming.ts';
import { completionNotes } from '../overrides/completion-notes.ts';
import { formatArgo } from '../overrides/formats/argocd.ts';
import { type Carrier, documentsOf } from '../overrides/formats/carrier.ts';
import { formatFlux } from '../overrides/formats/flux.ts';
import type { Formatted } from '../overrides/formats/format.ts';
import { type Context, withScratch } from './context.ts';
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
  readonly formatted: Formatted;
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
    const carried = from === undefined ? undefined : carriedBy(from, format, options.request?.chart ?? '');
    const own = carried === undefined ? render : await withGiven(render, carried.nested, join(scratch, 'given.json'));
    const write = format === 'argocd' ? formatArgo : formatFlux;
    const results = await values(context, { ...options, render: own });
    const isTwice = (name: string): boolean => results.filter(({ chart }) => chart === name).length > 1;
    const names = new FileNames();
    return results.map((overrides) => {
      const { chart, version, proof } = overrides;
      const header = [
        `Overrides for chart ${chart} ${version}, target ${formatTarget(target)}.`,
        `Proved by rendering: ${proof.rewritten} of ${proof.references} references are private.`,
        ...proof.residue.map(({ reference, template, path }) => `Still public: ${reference} (${template} ${path})`),
        ...completionNotes(proof),
      ];
      const placed = {
        releaseName: carried?.nested.releaseName || chart,
        namespace: carried?.nested.namespace || namespace,
      };
      const delivered = { name: chart, version, target, header, plainHttp, overrides: overrides.overrides, ...placed };
      const formatted = write(delivered, carried?.carrier);
      const name = names.take(...(isTwice(chart) ? [] : [toFileName(chart)]), toFileName(chart, version));
      const files = formatted.files.map((file) => ({ ...file, path: `${name}.yaml` }));
      return { overrides, formatted: { ...formatted, files } };
    });
  });
}

/** Chart in an existing manifest. */
interface Carried {
  readonly nested: NestedChart;
  readonly carrier: Carrier;
}

const KINDS: Readonly<Record<DeliveryFormat, RegExp>> = { argocd: /^Application(?:Set)?$/, flux: /^HelmRelease$/ };

/** Finds the resource of a manifest that installs the chart; by chart name if there are several. */
function carriedBy(text: string, format: DeliveryFormat, request: string): Carried {
  const documents = documentsOf(text).map((document, index): RenderedDocument => {
    const object: unknown = document.toJS({ maxAliasCount: 1000 });
    return { template: '', index, text: document.toString(), object: isMapping(object) ? object : undefined };
  });
  const all = nestedCharts(documents, {}).filter(({ via }) => KINDS[format].test(via.kind));
  const base = before(request.slice(request.lastIndexOf('/') + 1), '@');
  const named = all.filter(({ name }) => base === name || base.startsWith(`${name}-`));
  const [nested, ...more] = all.length === 1 ? all : named;
  if (nested === undefined || more.length > 0) {
    const what = format === 'argocd' ? 'Application' : 'HelmRelease';
    const count = nested === undefined ? 'no' : 'more than one';
    throw new AirgapError('usage', `the manifest given with --from has ${count} ${what} with chart ${base}`, {
      hint: 'give a manifest with exactly one such resource',
    });
  }
  return { nested, carrier: { text, document: nested.via.document, path: nested.via.path } };
}

/** Puts the manifest's values before those of the command line, which take precedence. */
async function withGiven(render: RenderOptions, nested: NestedChart, file: string): Promise<RenderOptions> {
  await writeFile(file, jsonText(nested.values), { mode: SECRET_FILE });
  return {
    ...render,
    values: [file, ...(render.values ?? [])],
    set: [...(nested.set ?? []), ...(render.set ?? [])],
    setString: [...(nested.setString ?? []), ...(render.setString ?? [])],
  };
}
