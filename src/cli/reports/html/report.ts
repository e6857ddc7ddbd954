import { basename } from 'node:path';
import { printableLine } from '../../../base/printable.ts';
import { toolPath } from '../../../inventory/tool-names.ts';
import type { InventoryTool } from '../../../inventory/tools.ts';
import type { BundleReport } from '../../../workflows/inspect/bundle-report.ts';
import { formatBytes } from '../text.ts';
import { changes } from './changes.ts';
import { charts } from './charts.ts';
import { network, notKnown, referrers, scan, selections } from './evidence.ts';
import { imageAnchors, images } from './images.ts';
import { type Html, html } from './markup.ts';
import { overrides } from './overrides.ts';
import { page } from './page.ts';
import { code, table } from './parts.ts';
import { checks, facts } from './summary.ts';

/**
 * Returns the report about a bundle for a person who approves it: the same bytes for the same content.
 * @param version of this helm airgap
 */
export function htmlReport(report: BundleReport, version: string): Html {
  const { inspection, since, scan: verdicts } = report;
  const name = printableLine(basename(inspection.file));
  const tools = inspection.tools ?? [];
  const anchors = imageAnchors(inspection.lock.images);
  const sections: readonly (readonly [anchor: string, title: string, content: Html])[] = [
    ...(since === undefined ? [] : [['changes', 'Changes', changes(since)] as const]),
    ...(verdicts === undefined ? [] : [['scan', 'Scan', scan(verdicts, anchors)] as const]),
    ['network', 'Internet access', network(report)],
    ['charts', 'Charts', charts(report)],
    ['overrides', 'Overrides', overrides(report)],
    ['referrers', 'Signatures and attestations', referrers(report, anchors)],
    ['selections', 'Selections', selections(report)],
    ...((inspection.lock.notKnown ?? []).length === 0 ? [] : [['not-known', 'Not known', notKnown(report)] as const]),
    ...(tools.length === 0 ? [] : [['tools-carried', 'Tools', toolList(tools)] as const]),
    ['images', 'Images', images(report, anchors)],
  ];
  return page({
    title: `${name}: bundle report`,
    body: html`<header>
<p class="kind">Bundle report</p>
<h1>${name}</h1>
${facts(report)}</header>
<nav aria-label="Sections"><ul>${sections.map(([anchor, title]) => html`<li><a href="#${anchor}">${title}</a></li>`)}</ul></nav>
<main id="content" tabindex="-1">
<section aria-labelledby="checks"><h2 id="checks">Before you approve</h2>
${checks(report)}</section>
${sections.map(([, , content]) => content)}<div class="sign"><h2>Decision</h2><dl><dt>Approved or refused</dt><dd></dd><dt>Name</dt><dd></dd><dt>Date</dt><dd></dd><dt>Signature</dt><dd></dd></dl></div>
</main>
<footer><p>Written by helm airgap ${version} from the inventory and the manifests of the bundle. Layers were not read: ${code('helm airgap verify')} checks every byte.</p></footer>`,
  });
}

function toolList(tools: readonly InventoryTool[]): Html {
  return html`<section aria-labelledby="tools-carried"><h2 id="tools-carried">Tools</h2>
<p>Programs and archives for the receiver.</p>
${table<InventoryTool>(
  'Tools',
  [
    { title: 'File', cell: ({ name }) => code(toolPath(name)) },
    { title: 'Platform', cell: ({ platform }) => platform ?? '' },
    { title: 'Size', isNumber: true, cell: ({ size }) => formatBytes(size) },
    { title: 'Digest', cell: ({ digest }) => code(digest) },
  ],
  tools,
)}</section>
`;
}
