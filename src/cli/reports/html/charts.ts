import { originOf } from '../../../inventory/finding.ts';
import type { InventoryChart } from '../../../inventory/inventory.ts';
import { profileEntry } from '../../../inventory/values-origin.ts';
import type { BundleReport } from '../../../workflows/inspect/bundle-report.ts';
import type { ChartSize } from '../../../workflows/inspect/content-sizes.ts';
import { formatBytes } from '../text.ts';
import { type Html, html } from './markup.ts';
import { code, table } from './parts.ts';

/** Charts with their sources and profiles, and what each takes of the bundle. */
export function charts({ inspection: { lock }, sizes }: BundleReport): Html {
  const versions = Map.groupBy(lock.charts, ({ name }) => name);
  const title = ({ name }: ChartSize): Html => {
    const named = versions.get(name);
    if (name === '') return html`images in no chart`;
    return named === undefined
      ? html`${originOf(name)}`
      : html`${name} ${named.map(({ version }) => version).join(', ')}`;
  };
  return html`<section aria-labelledby="charts"><h2 id="charts">Charts</h2>
<p>Each chart is counted with its images. “Only here” is what the bundle would be smaller by without it.</p>
${table<ChartSize>(
  'Sizes of charts',
  [
    { title: 'Chart', cell: title },
    { title: 'Images', isNumber: true, cell: ({ images }) => images },
    { title: 'Together', isNumber: true, cell: ({ bytes }) => formatBytes(bytes) },
    { title: 'Only here', isNumber: true, cell: ({ own }) => formatBytes(own) },
    { title: 'Shared', isNumber: true, cell: ({ bytes, own }) => formatBytes(bytes - own) },
  ],
  sizes.charts,
)}
${
  lock.charts.length > 0 &&
  html`<h3>Where they are from</h3>
${table<InventoryChart>(
  'Sources of charts',
  [
    { title: 'Chart', cell: ({ name, version }) => `${name} ${version}` },
    {
      title: 'Source',
      cell: ({ source, parent }) => html`${code(source)}${parent !== undefined && html`, installed by ${parent}`}`,
    },
    {
      title: 'Profiles',
      cell: ({ profiles, parent }) =>
        html`${profiles.map((profile, i) => html`${i > 0 && '; '}${profileEntry({ ...profile, parent })}`)}`,
    },
    { title: 'Digest', cell: ({ digest }) => code(digest) },
  ],
  lock.charts,
)}`
}</section>
`;
}
