import { count } from '../../../base/count.ts';
import type { Location } from '../../../inventory/finding.ts';
import type { InventoryReferrer } from '../../../inventory/inventory.ts';
import { missingOf } from '../../../inventory/missing-images.ts';
import type { InventoryNetworkNeed } from '../../../inventory/network.ts';
import type { SelectionRecord } from '../../../inventory/selection-record.ts';
import type { NotKnown } from '../../../inventory/state.ts';
import type { ImageVerdict, Verdicts } from '../../../inventory/verdicts.ts';
import { referrerKind } from '../../../oci/referrer.ts';
import type { BundleReport } from '../../../workflows/inspect/bundle-report.ts';
import { locationText } from '../images.ts';
import { verdictText } from '../verdicts.ts';
import { imageLink } from './images.ts';
import { type Html, html } from './markup.ts';
import { code, limited, lines, table } from './parts.ts';

/** Names or locations shown of one entry. */
const MAX_SHOWN = 100;
const MAX_LOCATIONS = 5;

type Anchors = ReadonlyMap<string, string>;

/** Addresses that workloads fetch from. */
export function network({ inspection: { lock } }: BundleReport): Html {
  const { network: needs } = lock;
  const content =
    needs === undefined
      ? html`<p>Not recorded: the charts of this bundle were not searched when it was made, or an older version made it.</p>`
      : needs.length === 0
        ? html`<p>No download was found in the manifests. Programs inside the images are not searched.</p>`
        : html`<p>An isolated network does not answer these. ${code('helm airgap images CHART --network')} names the value that turns each off. Programs inside the images are not searched.</p>
${table<InventoryNetworkNeed>(
  'Downloads at run time',
  [
    { title: 'Address', cell: ({ url }) => code(url) },
    { title: 'Kind', cell: ({ kind }) => kind },
    {
      title: 'Fetched by',
      cell: ({ found }) =>
        html`<ul class="places">${limited(found, MAX_LOCATIONS, (each) => html`<li>${each.chart}: ${code(`${each.kind}/${each.name} ${each.path}`)}${each.hook !== undefined && `, hook ${each.hook}`}</li>`, 'in other locations')}</ul>`,
    },
  ],
  needs,
)}`;
  return html`<section aria-labelledby="network"><h2 id="network">Internet access</h2>
${content}</section>
`;
}

interface OwnedReferrer extends InventoryReferrer {
  readonly owner: string;
}

/** Signatures, attestations and SBOMs by kind, and images without any. */
export function referrers({ inspection: { lock } }: BundleReport, anchors: Anchors): Html {
  const owned = [
    ...lock.charts.flatMap(({ name, version, referrers = [] }) =>
      referrers.map((each): OwnedReferrer => ({ ...each, owner: `${name} ${version}` })),
    ),
    ...lock.images.flatMap(({ reference, referrers = [] }) =>
      referrers.map((each): OwnedReferrer => ({ ...each, owner: reference })),
    ),
  ].filter(({ leftOut }) => !leftOut);
  const kinds = [...Map.groupBy(owned, referrerKind)].sort(([a], [b]) => (a < b ? -1 : 1));
  const bare = lock.images.filter(({ referrers = [] }) => referrers.every(({ leftOut }) => leftOut));
  return html`<section aria-labelledby="referrers"><h2 id="referrers">Signatures and attestations</h2>
<p>These travel with the images. That they are there does not say who made them: ${code('helm airgap verify BUNDLE --verify-signatures KEY')} checks signatures of images.</p>
${
  kinds.length > 0 &&
  table<(typeof kinds)[number]>(
    'Referrers by kind',
    [
      { title: 'Kind', cell: ([kind]) => kind },
      { title: 'Number', isNumber: true, cell: ([, all]) => all.length },
      { title: 'Charts and images', isNumber: true, cell: ([, all]) => new Set(all.map(({ owner }) => owner)).size },
    ],
    kinds,
  )
}
${
  bare.length > 0 &&
  html`<details><summary>${count(bare.length, 'image')} without any</summary>
<ul class="places">${limited(bare, MAX_SHOWN, ({ reference }) => html`<li>${imageLink(reference, anchors)}</li>`, 'their entries have no referrers')}</ul></details>`
}</section>
`;
}

/** What a scanner said. */
export function scan({ command, finished, verdicts }: Verdicts, anchors: Anchors): Html {
  const failed = verdicts.filter(({ status }) => status !== 'passed');
  return html`<section aria-labelledby="scan"><h2 id="scan">Scan</h2>
<dl class="pairs"><dt>Command</dt><dd>${code(command)}</dd><dt>Finished</dt><dd><time datetime="${finished}">${finished}</time></dd><dt>Passed</dt><dd>${verdicts.length - failed.length} of ${count(verdicts.length, 'run')}, one for each platform of an image</dd></dl>
<p>The verdicts are from a file without a signature. Their digests are those of this bundle.</p>
${
  failed.length > 0 &&
  table<ImageVerdict>(
    'Images that failed',
    [
      { title: 'Image', cell: ({ image }) => imageLink(image, anchors) },
      {
        title: 'Platform',
        cell: ({ platform }) => platform !== undefined && html`<span class="nowrap">${platform}</span>`,
      },
      {
        title: 'Verdict',
        cell: (verdict) => html`${verdictText(verdict)}${verdict.output !== undefined && lines(verdict.output)}`,
      },
    ],
    failed,
  )
}</section>
`;
}

/** What was not understood when the bundle was made. */
export function notKnown({ inspection: { lock } }: BundleReport): Html {
  return html`<section aria-labelledby="not-known"><h2 id="not-known">Not known</h2>
<p>These may lead to images that are not in the bundle.</p>
${notKnownList(lock.notKnown ?? [], 'helm airgap inspect -o json lists them')}</section>
`;
}

/** What was not understood, each with its reason and what would settle it. */
export function notKnownList(entries: readonly NotKnown[], more: string): Html {
  return html`<ul class="places">${limited(
    entries,
    MAX_SHOWN,
    ({ name, chart = '', template = '', path = '', why, settle }) =>
      html`<li>${code(name)}<br><span class="soft">${[chart, template, path].filter((text) => text !== '').join(' ')}</span><br><span class="soft">${why}${settle !== undefined && html`; ${settle}`}</span></li>`,
    more,
  )}</ul>`;
}

const RULE_TEXT: Readonly<Record<SelectionRecord['rule'], string>> = {
  exclude: 'Excluded',
  include: 'Included',
  'no-tests': 'Left out: images of helm test',
  'no-hooks': 'Left out: images of hooks',
  dropped: 'Left out: their registries do not have them',
};

/** What the maker of the bundle chose, and what was too uncertain. */
export function selections({ inspection: { lock } }: BundleReport): Html {
  const { possible = [] } = lock;
  const choices = (lock.choices ?? []).filter(({ rule }) => rule !== 'dropped');
  const missing = missingOf(lock);
  return html`<section aria-labelledby="selections"><h2 id="selections">Selections</h2>
${choices.length + possible.length + missing.length === 0 && html`<p>Everything that was found is in the bundle.</p>`}
${
  missing.length > 0 &&
  html`<h3>Missing</h3>
<p>These images are needed, and their registries did not have them.</p>
<ul class="places">${limited(
    missing,
    MAX_SHOWN,
    ({ reference, why, allowed, found: [first] }) =>
      html`<li>${code(reference)}<br><span class="soft">${why}${first !== undefined && html`; ${first.chart === '' ? '' : `${first.chart}: `}${locationText(first as Location)}`}${allowed !== undefined && html`; accepted${allowed.reason !== undefined && html`: ${allowed.reason}`}`}</span></li>`,
    'helm airgap inspect -o json lists them',
  )}</ul>`
}
${choices.map(
  ({
    rule,
    pattern,
    reason,
    charts = [],
    references,
  }) => html`<h3>${RULE_TEXT[rule]}${pattern !== undefined && html` by ${code(pattern)}`}</h3>
${reason !== undefined && html`<p>Reason: ${reason}</p>`}<ul class="places">${limited([...charts.map((name) => `chart ${name}, with all its images`), ...references], MAX_SHOWN, (name) => html`<li>${code(name)}</li>`, 'helm airgap inspect -o json lists them')}</ul>`,
)}
${
  possible.length > 0 &&
  html`<h3>Uncertain, and not bundled</h3>
<p>These texts may be images. ${code('--include')} bundles them.</p>
<ul class="places">${limited(
    possible,
    MAX_SHOWN,
    ({ reference, found: [first] }) =>
      html`<li>${code(reference)}${first !== undefined && html`<br><span class="soft">${first.chart === '' ? '' : `${first.chart}: `}${locationText(first as Location)}</span>`}</li>`,
    'helm airgap inspect -o json lists them',
  )}</ul>`
}</section>
`;
}
