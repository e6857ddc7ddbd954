import { count } from '../../../base/count.ts';
import { missingOf, unallowed } from '../../../inventory/missing-images.ts';
import { referrerKind } from '../../../oci/referrer.ts';
import type { BundleReport } from '../../../workflows/inspect/bundle-report.ts';
import { signersOf } from '../signers.ts';
import { formatBytes } from '../text.ts';
import { type Html, html } from './markup.ts';
import { overrideCheck } from './overrides.ts';
import { check, code } from './parts.ts';

/** What the bundle is: counts, and by what it is identified. */
export function facts({ inspection }: BundleReport): Html {
  const { file, size, blobs, parts, charts, images, lockDigest, delta, tools = [], lock } = inspection;
  const { verified, claimed } = signersOf(inspection);
  const numbers: readonly (readonly [string, string])[] = [
    ['Size', formatBytes(size)],
    ['Charts', String(charts.length)],
    ['Images', String(images.length)],
    ['Blobs', String(blobs)],
    ...(tools.length > 0 ? [['Tools', String(tools.length)] as const] : []),
  ];
  const pairs: readonly (readonly [string, Html])[] = [
    ['File', html`${code(file)}${parts !== undefined && html`, ${count(parts, 'part')}`}`],
    ['Inventory', lockDigest === undefined ? html`none` : code(lockDigest)],
    [
      'Made by',
      lock.madeBy === undefined
        ? html`a version of helm airgap that did not record itself`
        : html`helm airgap ${lock.madeBy}`,
    ],
    ['Platforms', lock.platforms.length === 0 ? html`all that the images have` : html`${lock.platforms.join(', ')}`],
    ...verified.map((key) => ['Signed by', html`${code(key)}, verified`] as const),
    ...claimed.map((key) => ['Claims signature', html`${code(key ?? 'by another tool')}, not verified`] as const),
    ...(lock.trustedRoot === undefined ? [] : [['Trusted root', code(lock.trustedRoot)] as const]),
    ...(delta === undefined
      ? []
      : [
          [
            'Delta since',
            html`${code(delta.since)}, omits ${formatBytes(delta.bytes)} in ${count(delta.blobs, 'blob')}`,
          ] as const,
        ]),
  ];
  return html`<dl class="facts">${numbers.map(([name, text]) => html`<div><dt>${name}</dt><dd>${text}</dd></div>`)}</dl>
<dl class="pairs">${pairs.map(([name, text]) => html`<dt>${name}</dt><dd>${text}</dd>`)}</dl>
`;
}

/** What a person should look at before approving, one line each. */
export function checks(report: BundleReport): Html {
  return html`<ul class="checks">
${signatureCheck(report)}${scanCheck(report)}${networkCheck(report)}${overrideCheck(report)}${referrerCheck(report)}${missingCheck(report)}${notKnownCheck(report)}${selectionCheck(report)}${deltaCheck(report)}</ul>
`;
}

function signatureCheck({ inspection }: BundleReport): Html {
  const { verified, claimed } = signersOf(inspection);
  if (verified.length > 0) {
    const keys = verified.map((key, i) => html`${i > 0 && ', '}${code(key)}`);
    return check('ok', html`The bundle is signed by all of the required keys: ${keys}.`);
  }
  if (claimed.length > 0) {
    return check(
      'look',
      html`The bundle says that it is signed. Nobody checked that for this report: add ${code('--require-signature KEY')}.`,
    );
  }
  return check(
    'look',
    html`The bundle is not signed. Ask its sender for the digest of the inventory, and compare it with the one above.`,
  );
}

function scanCheck({ scan }: BundleReport): Html {
  if (scan === undefined) {
    return check(
      'look',
      html`No scanner's verdicts were given: ${code('helm airgap verify BUNDLE --with COMMAND --verdicts FILE')}.`,
    );
  }
  const failed = new Set(scan.verdicts.flatMap(({ image, status }) => (status === 'passed' ? [] : [image])));
  const scanned = new Set(scan.verdicts.map(({ image }) => image));
  const missing = scan.unscanned.length;
  const unscanned =
    missing > 0 && html` ${count(missing, 'image')} ${missing === 1 ? 'lacks' : 'lack'} a verdict for a platform.`;
  if (failed.size > 0) {
    return check(
      'failed',
      html`${failed.size} of ${count(scanned.size, 'image')} failed the <a href="#scan">scan</a>.${unscanned}`,
    );
  }
  const passed = scanned.size - scan.unscanned.filter((reference) => scanned.has(reference)).length;
  return check(
    missing > 0 ? 'look' : 'ok',
    html`${count(passed, 'image')} passed the <a href="#scan">scan</a>.${unscanned}`,
  );
}

function networkCheck({ inspection: { lock } }: BundleReport): Html {
  const { network } = lock;
  if (network === undefined) {
    return check(
      'look',
      html`What workloads fetch from the internet is not recorded in this bundle: ${code('helm airgap images CHART --network')} shows it.`,
    );
  }
  if (network.length === 0)
    return check('ok', html`No download from the internet besides images was found in the manifests.`);
  return check(
    'look',
    html`Workloads <a href="#network">also fetch</a> from ${count(network.length, 'address', 'addresses')} on the internet.`,
  );
}

function referrerCheck({ inspection: { lock } }: BundleReport): Html | string {
  const kinds = lock.images.map(({ referrers = [] }) => referrers.filter(({ leftOut }) => !leftOut).map(referrerKind));
  const bare = kinds.filter((each) => each.length === 0).length;
  if (kinds.length === 0) return '';
  if (bare === 0)
    return check(
      'ok',
      html`Each image comes with <a href="#referrers">signatures, attestations or SBOMs</a>. Their presence is no verification.`,
    );
  return check(
    'look',
    html`${bare} of ${count(kinds.length, 'image')} ${bare === 1 ? 'comes' : 'come'} without any <a href="#referrers">signature, attestation or SBOM</a>.`,
  );
}

function selectionCheck({ inspection: { lock } }: BundleReport): Html | string {
  const { choices = [], possible = [] } = lock;
  const left = choices.flatMap(({ rule, references, charts = [] }) =>
    rule === 'include' || rule === 'dropped' ? [] : [...charts, ...references],
  );
  if (left.length + possible.length === 0)
    return missingOf(lock).length > 0 ? '' : check('ok', html`Nothing that was found was left out.`);
  const parts = [
    ...(left.length > 0 ? [html`${count(left.length, 'chart or image', 'charts and images')} left out by choice`] : []),
    ...(possible.length > 0 ? [html`${count(possible.length, 'uncertain image')} not bundled`] : []),
  ];
  return check(
    'look',
    html`<a href="#selections">Left out</a>: ${parts.map((part, i) => html`${i > 0 && ', '}${part}`)}.`,
  );
}

function missingCheck({ inspection: { lock } }: BundleReport): Html | string {
  const missing = missingOf(lock);
  if (missing.length === 0) return '';
  const open = unallowed(missing).length;
  if (open === 0)
    return check(
      'look',
      html`${count(missing.length, 'image')} <a href="#selections">missing</a>, which was accepted.`,
    );
  return check(
    'failed',
    html`<a href="#selections">Missing</a>: ${count(open, 'image')} that the registries did not have.`,
  );
}

function notKnownCheck({ inspection: { lock } }: BundleReport): Html | string {
  const { length } = lock.notKnown ?? [];
  if (length === 0) return '';
  return check(
    'look',
    html`<a href="#not-known">Not known</a>: ${count(length, 'entry', 'entries')} that may hide images.`,
  );
}

function deltaCheck({ inspection: { delta } }: BundleReport): Html | string {
  if (delta === undefined) return '';
  return check(
    'look',
    html`This is a delta: it is useless without the older bundle with inventory ${code(delta.since)}.`,
  );
}
