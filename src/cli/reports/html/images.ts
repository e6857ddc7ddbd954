import { count } from '../../../base/count.ts';
import type { Location } from '../../../inventory/finding.ts';
import type { InventoryImage } from '../../../inventory/inventory.ts';
import type { ImageVerdict } from '../../../inventory/verdicts.ts';
import { referrerKind } from '../../../oci/referrer.ts';
import type { BundleReport } from '../../../workflows/inspect/bundle-report.ts';
import type { RedirectWay } from '../../../workflows/inspect/override-coverage.ts';
import { locationText } from '../images.ts';
import { formatBytes } from '../text.ts';
import { verdictText } from '../verdicts.ts';
import { chartText, HOW_TEXT, NEED_TEXT } from '../why.ts';
import { type Html, html } from './markup.ts';
import { code, limited, sharing, sizeBar, tag } from './parts.ts';

/** Locations shown of one image; libraries of charts repeat an image hundreds of times. */
const MAX_LOCATIONS = 25;

type FoundLocation = InventoryImage['found'][number];

/** Returns the anchor of each image by its reference. */
export function imageAnchors(images: readonly InventoryImage[]): ReadonlyMap<string, string> {
  return new Map(images.map(({ reference }, i) => [reference, `image-${i + 1}`]));
}

/** A reference with a link to its entry in the list of images. */
export function imageLink(reference: string, anchors: ReadonlyMap<string, string>): Html {
  const anchor = anchors.get(reference);
  return anchor === undefined ? code(reference) : html`<a href="#${anchor}">${code(reference)}</a>`;
}

/** All images: size and sharing, where each was found and why, and how its references are redirected. */
export function images(report: BundleReport, anchors: ReadonlyMap<string, string>): Html {
  const { inspection, sizes, overrides, scan } = report;
  const all = inspection.lock.images;
  const largest = [...sizes.images.values()].reduce((most, { bytes }) => Math.max(most, bytes), 0);
  const verdicts = Map.groupBy(scan?.verdicts ?? [], ({ image }) => image);
  const unscanned = new Set(scan?.unscanned);
  const items = function* (): Generator<Html> {
    for (const image of all) {
      const ofImage = verdicts.get(image.reference) ?? [];
      yield imageItem(
        image,
        {
          sizes,
          largest,
          verdicts: ofImage,
          isUnscanned: unscanned.has(image.reference),
          anchor: anchors.get(image.reference) ?? '',
        },
        overrides.wayOf,
      );
    }
  };
  return html`<section aria-labelledby="images"><h2 id="images">Images</h2>
<p>The bar shows the bytes that only this image has, and in the lighter part those that other images of the bundle have too.</p>
<div class="tools" id="tools" hidden>
<label for="filter">Filter by any text of an image<input id="filter" type="search" autocomplete="off" spellcheck="false"></label>
<button type="button" id="open">Open all</button><button type="button" id="close">Close all</button>
<output id="shown" aria-live="polite"></output>
</div>
<ol class="images">
${{ [Symbol.iterator]: items }}</ol></section>
`;
}

interface ImageContext extends Pick<BundleReport, 'sizes'> {
  readonly largest: number;
  readonly verdicts: readonly ImageVerdict[];
  /** A platform of it has no verdict, though a scan was given. */
  readonly isUnscanned: boolean;
  readonly anchor: string;
}

function imageItem(
  image: InventoryImage,
  context: ImageContext,
  wayOf: (location: FoundLocation) => RedirectWay,
): Html {
  const {
    reference,
    digest,
    sourceDigest,
    platforms,
    need,
    confidence,
    found,
    referrers = [],
    bytes,
    incomplete,
  } = image;
  const size = context.sizes.images.get(reference) ?? { bytes, own: bytes };
  const failed = context.verdicts.filter(({ status }) => status !== 'passed');
  const labels = [
    ...(failed.length > 0 ? [tag('scan failed', 'bad')] : []),
    ...(context.isUnscanned ? [tag('not scanned', 'look')] : []),
    ...(failed.length === 0 && context.verdicts.length > 0 && !context.isUnscanned ? [tag('scan passed', 'ok')] : []),
    ...(confidence === 'certain' ? [] : [tag(confidence, 'look')]),
    ...(found.some((location) => wayOf(location) === 'none') ? [tag('not redirected by values', 'look')] : []),
    ...(incomplete ? [tag('incomplete at the target', 'look')] : []),
  ];
  return html`<li class="image" id="${context.anchor}"><h3>${code(reference)}</h3>
${
  labels.length > 0 &&
  html`<p>${labels.map((label) => html`${label} `)}</p>
`
}${sizeBar(size, context.largest)}
<div class="measures"><span><b>${formatBytes(size.bytes)}</b></span><span>${sharing(size)}</span>${platforms.length > 0 && html`<span>${platforms.join(', ')}</span>`}<span>${NEED_TEXT[need]}</span></div>
<details><summary>Found in ${count(found.length, 'location')}</summary>
<ul class="places">${limited(found, MAX_LOCATIONS, (location) => locationItem(location, image, wayOf(location)), 'helm airgap inspect -o json lists them')}</ul></details>
<details><summary>Digest${referrers.length > 0 && `, ${count(referrers.length, 'referrer')}`}${failed.length > 0 && ', verdicts'}</summary>
<dl class="pairs"><dt>Digest</dt><dd>${code(digest)}</dd>${sourceDigest !== undefined && html`<dt>At its source</dt><dd>${code(sourceDigest)}, with more platforms</dd>`}${referrers.map(
    (referrer) =>
      html`<dt>${referrerKind(referrer)}</dt><dd>${code(referrer.digest)}${referrer.leftOut && ', not in the bundle: its subject has more platforms'}</dd>`,
  )}${failed.map((verdict) => html`<dt>Scan${verdict.platform !== undefined && ` ${verdict.platform}`}</dt><dd>${verdictText(verdict)}</dd>`)}</dl></details></li>
`;
}

const WAY_TEXT: Readonly<Record<RedirectWay, string>> = {
  values: 'redirected by values of the chart',
  operator: 'redirected by a setting of the operator',
  none: 'redirected by no value: it needs the post-renderer or a changed chart',
  unknown: '',
};

function locationItem(location: FoundLocation, { reference, confidence }: InventoryImage, way: RedirectWay): Html {
  const { how, template, within, hook, written, profile, chart, values = [] } = location;
  const origin = chart === '' ? '' : chartText(location as Location);
  const details = [
    HOW_TEXT[how],
    ...(confidence === 'certain' ? [] : [`confidence ${confidence}`]),
    ...(within === undefined ? [] : [`inside ${within}`]),
    ...(hook === undefined ? [] : [`hook ${hook}`]),
    ...(profile === '' || profile === 'default' ? [] : [`profile ${profile}`]),
    ...(values.length === 0 ? [] : [`values ${values.join(', ')}`]),
    ...(WAY_TEXT[way] === '' ? [] : [WAY_TEXT[way]]),
  ];
  return html`<li>${origin !== '' && html`<b>${origin}</b><br>`}${code(locationText(location as Location))}${template !== '' && html`<br>${code(template)}`}${written !== reference && written !== '' && html`<br><span class="soft">written as</span> ${code(written)}`}<br><span class="soft">${details.join('; ')}</span></li>`;
}
