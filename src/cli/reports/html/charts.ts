import { count } from '../../../base/count.ts';
import { originOf } from '../../../inventory/finding.ts';
import type { InventoryChart } from '../../../inventory/inventory.ts';
import { profileEntry } from '../../../inventory/values-origin.ts';
import type { BundleReport } from '../../../workflows/inspect/bundle-report.ts';
import type { ChartSize } from '../../../workflows/inspect/content-sizes.ts';
import type { ProfileCoverage } from '../../../workflows/inspect/override-coverage.ts';
import { formatBytes } from '../text.ts';
import { type Html, html } from './markup.ts';
import { code, limited, table } from './parts.ts';

/** Unmapped locations shown of one profile. */
const MAX_UNMAPPED = 100;

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

/** What the recipes say about overrides. Only a run of `values` for a target proves them. */
export function overrides({ overrides: { profiles, unsearched } }: BundleReport): Html {
  return html`<section aria-labelledby="overrides"><h2 id="overrides">Overrides</h2>
<p>A values file redirects the images of a chart to the private registry. The bundle says which locations values can redirect. It is no proof: that is made for one registry and the values of the site, when ${code('helm airgap values')} renders the chart with the overrides. It ends with exit code 3 if anything public is left.</p>
${profiles.length === 0 && html`<p>The bundle has no recipes: its charts were not searched when it was made, or it has none.</p>`}
${unsearched > 0 && profiles.length > 0 && html`<p>There is no recipe for ${count(unsearched, 'profile')}.</p>`}
${
  profiles.length > 0 &&
  table<ProfileCoverage>(
    'Locations by chart and profile',
    [
      {
        title: 'Chart',
        cell: ({ chart, version, profile }) =>
          `${chart} ${version}${profile === 'default' ? '' : `, profile ${profile}`}`,
      },
      { title: 'Locations', isNumber: true, cell: ({ locations }) => locations },
      { title: 'By values', isNumber: true, cell: ({ locations, unmapped }) => locations - unmapped.length },
      { title: 'By no value', isNumber: true, cell: ({ unmapped }) => unmapped.length },
    ],
    profiles,
  )
}
${profiles.filter(({ unmapped, refused }) => unmapped.length + refused.length > 0).map(unmappedList)}</section>
`;
}

function unmappedList({ chart, version, profile, unmapped, refused }: ProfileCoverage): Html {
  return html`<h3>${chart} ${version}${profile !== 'default' && `, profile ${profile}`}</h3>
${
  unmapped.length > 0 &&
  html`<p>No value redirects these. ${code('--unmapped=post-render')} or ${code('--unmapped=repack')} of ${code('values')} can, or an operator's own setting; what remains public is listed then.</p>
<ul class="places">${limited(unmapped, MAX_UNMAPPED, ({ template, path, written }) => html`<li>${code(written)}<br><span class="soft">${template} ${path}</span></li>`, 'helm airgap values lists them')}</ul>`
}
${refused.length > 0 && html`<p>The chart refuses other values of ${refused.slice(0, MAX_UNMAPPED).map((path, i) => html`${i > 0 && ', '}${code(path)}`)}.</p>`}`;
}
