import { count } from '../../../base/count.ts';
import { profileEntry } from '../../../inventory/values-origin.ts';
import type { BundleReport } from '../../../workflows/inspect/bundle-report.ts';
import type { ProfileCoverage } from '../../../workflows/inspect/override-coverage.ts';
import { isProved, type OverridesProof } from '../../../workflows/inspect/overrides-proof.ts';
import { missingNames } from '../../../workflows/values/bundle-coverage.ts';
import { notKnownList } from './evidence.ts';
import { type Html, html } from './markup.ts';
import { check, code, limited, table } from './parts.ts';

/** Locations, references or profiles shown of one chart. */
const MAX_SHOWN = 100;

/** The proof of the overrides for a registry; without one, what the recipes of the bundle say about overrides. */
export function overrides({ overrides, proof }: BundleReport): Html {
  return html`<section aria-labelledby="overrides"><h2 id="overrides">Overrides</h2>
<p>A values file redirects the images of a chart to the private registry.</p>
${proof === undefined ? coverage(overrides) : proofOf(proof)}</section>
`;
}

/** A line for {@link overrides} among the checks. */
export function overrideCheck({ overrides, proof }: BundleReport): Html {
  return proof === undefined ? coverageCheck(overrides) : proofCheck(proof);
}

type Proved = OverridesProof['proved'][number];

const HOW: Readonly<Record<NonNullable<OverridesProof['unmapped']>, Html>> = {
  'post-render': html`with its overrides and the map of the post-renderer`,
  repack: html`with its overrides and changed templates`,
};

function proofOf(proof: OverridesProof): Html {
  const { target, unmapped, proved, failed, notRendered } = proof;
  const how = unmapped === undefined ? html`with its overrides` : HOW[unmapped];
  const remarks = proved.filter(hasRemarks);
  return html`<p>The proof is for ${code(target)}. When this page was made, each chart was taken from the bundle and rendered ${how}, and each image in the result was compared with the name that ${code('helm airgap push')} gives it there. ${code('helm airgap values')} writes these overrides.</p>
${
  proved.length > 0 &&
  table<Proved>(
    'References after rendering',
    [
      { title: 'Chart', cell: chartTitle },
      { title: 'References', isNumber: true, cell: ({ proof }) => proof.references },
      { title: 'Private', isNumber: true, cell: ({ proof }) => proof.rewritten },
      { title: 'Left public', isNumber: true, cell: ({ proof }) => proof.residue.length },
      { title: 'Missing', isNumber: true, cell: ({ proof }) => missingNames(proof).length },
      { title: 'Not known', isNumber: true, cell: ({ proof }) => proof.notKnown?.length ?? 0 },
      { title: 'Not in the bundle', isNumber: true, cell: ({ notInBundle }) => notInBundle.length },
    ],
    proved,
  )
}
${
  failed.length > 0 &&
  html`<h3>Not proved</h3>
<ul class="places">${limited(failed, MAX_SHOWN, (each) => html`<li>${chartTitle(each)}<br><span class="soft">${each.error.message}</span></li>`, 'helm airgap values lists them')}</ul>`
}
${
  notRendered.length > 0 &&
  html`<h3>Not rendered</h3>
<p>The bundle does not contain the values of these profiles, and they were not given. ${code('--config')} gives them.</p>
<ul class="places">${limited(notRendered, MAX_SHOWN, ({ chart, version, profiles }) => html`<li>${chart}${version !== undefined && ` ${version}`}${profiles.slice(0, MAX_SHOWN).map((profile) => html`<br><span class="soft">profile ${profileEntry(profile)}</span>`)}</li>`, 'helm airgap inspect -o json lists the profiles')}</ul>`
}
${remarks.map(remarksOn)}`;
}

function hasRemarks({ proof, notInBundle, moreInBundle }: Proved): boolean {
  const { residue, injected = [], allowed = [], missing = [], notKnown = [] } = proof;
  const lists = [residue, injected, allowed, missing, notKnown, notInBundle];
  return lists.some((list) => list.length > 0) || moreInBundle !== undefined;
}

function remarksOn(result: Proved): Html {
  const { proof, notInBundle, moreInBundle } = result;
  const { residue, injected = [], allowed = [], missing = [], notKnown = [] } = proof;
  return html`<h3>${chartTitle(result)}</h3>
${
  residue.length > 0 &&
  html`<p class="bad">Still public:</p>
<ul class="places">${limited(residue, MAX_SHOWN, ({ reference, template, path, because }) => html`<li>${code(reference)}<br><span class="soft">${template} ${path}</span>${because !== undefined && html`<br><span class="soft">${because}</span>`}</li>`, 'helm airgap values lists them')}</ul>`
}
${notKnown.length > 0 && html`<p>Not known:</p>${notKnownList(notKnown, 'helm airgap values lists them')}`}
${
  missing.length > 0 &&
  html`<p class="bad">Missing: their registries did not have them when the bundle was made.</p>
<ul class="places">${limited(missing, MAX_SHOWN, ({ reference, template, path, why, allowed: accepted }) => html`<li>${code(reference)}<br><span class="soft">${template} ${path}</span><br><span class="soft">${accepted === undefined ? why : `accepted: ${accepted.reason ?? 'no reason given'}`}</span></li>`, 'helm airgap values lists them')}</ul>`
}
${
  allowed.length > 0 &&
  html`<p>Public on purpose:</p>
<ul class="places">${limited(allowed, MAX_SHOWN, ({ reference, template, path, reason }) => html`<li>${code(reference)}<br><span class="soft">${template} ${path}</span><br><span class="soft">${reason}</span></li>`, 'helm airgap values lists them')}</ul>`
}
${
  notInBundle.length > 0 &&
  html`<p class="bad">Needed, and not in the bundle:</p>
<ul class="places">${limited(notInBundle, MAX_SHOWN, (reference) => html`<li>${code(reference)}</li>`, 'helm airgap values lists them')}</ul>`
}
${
  injected.length > 0 &&
  html`<p>Set for the operator:</p>
<ul class="places">${limited(injected, MAX_SHOWN, ({ name, value }) => html`<li>${code(`${name} = ${value}`)}</li>`, 'helm airgap values lists them')}</ul>`
}
${
  moreInBundle !== undefined &&
  html`<p>${count(moreInBundle.references.length, 'image')} of the chart ${moreInBundle.references.length === 1 ? 'is' : 'are'} in the bundle for other values, so the proof does not cover ${moreInBundle.references.length === 1 ? 'it' : 'them'}:</p>
<ul class="places">${limited(moreInBundle.references, MAX_SHOWN, (reference) => html`<li>${code(reference)}</li>`, 'helm airgap values lists them')}</ul>`
}`;
}

function chartTitle({ chart, version, profile }: Pick<Proved, 'chart' | 'version' | 'profile'>): string {
  return `${chart} ${version}${profile === 'default' ? '' : `, profile ${profile}`}`;
}

function proofCheck(proof: OverridesProof): Html {
  const { target, proved, failed, notRendered } = proof;
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);
  const references = sum(proved.map((each) => each.proof.references));
  const link = html`<a href="#overrides">overrides</a>`;
  if (!isProved(proof)) {
    const left = sum(proved.map((each) => each.proof.residue.length));
    const missing = sum(proved.map(({ notInBundle }) => notInBundle.length));
    const gone = sum(proved.map((each) => missingNames(each.proof).length));
    const problems = [
      ...(left > 0 ? [`${count(left, 'location')} ${left === 1 ? 'is' : 'are'} still public`] : []),
      ...(gone > 0 ? [`${count(gone, 'needed image')} ${gone === 1 ? 'does' : 'do'} not exist`] : []),
      ...(missing > 0 ? [`${count(missing, 'needed image')} ${missing === 1 ? 'is' : 'are'} not in the bundle`] : []),
      ...(failed.length > 0 ? [`${count(failed.length, 'chart')} could not be proved`] : []),
    ];
    return check('failed', html`Rendered with ${link} for ${code(target)}, ${problems.join(', ')}.`);
  }
  const other = proved.filter(({ moreInBundle }) => moreInBundle !== undefined).map(({ chart }) => chart);
  const uncovered = new Set([...notRendered.map(({ chart }) => chart), ...other]).size;
  if (references === 0 || uncovered > 0) {
    return check(
      'look',
      html`Rendered with ${link} for ${code(target)}, ${references === 1 ? 'the only reference is' : `all ${references} references are`} private. The proof does not cover all values of ${count(uncovered, 'chart')}.`,
    );
  }
  return check(
    'ok',
    html`Rendered with ${link} for ${code(target)}, ${references === 1 ? 'the reference' : `all ${references} references`} of ${count(proved.length, 'chart')} ${references === 1 ? 'is' : 'are'} private.`,
  );
}

function coverage({ profiles, unsearched }: BundleReport['overrides']): Html {
  return html`<p>The bundle says which locations values can redirect. That is no proof. A proof is for one registry: ${code('helm airgap inspect')} with ${code('--to REGISTRY')} adds it to this page.</p>
${profiles.length === 0 && html`<p>The bundle has no recipes: its charts were not searched when it was made, or it has none.</p>`}
${unsearched > 0 && profiles.length > 0 && html`<p>There is no recipe for ${count(unsearched, 'profile')}.</p>`}
${
  profiles.length > 0 &&
  table<ProfileCoverage>(
    'Locations by chart and profile',
    [
      { title: 'Chart', cell: chartTitle },
      { title: 'Locations', isNumber: true, cell: ({ locations }) => locations },
      { title: 'By values', isNumber: true, cell: ({ locations, unmapped }) => locations - unmapped.length },
      { title: 'By no value', isNumber: true, cell: ({ unmapped }) => unmapped.length },
    ],
    profiles,
  )
}
${profiles.filter(({ unmapped, refused }) => unmapped.length + refused.length > 0).map(unmappedList)}`;
}

function unmappedList(profile: ProfileCoverage): Html {
  const { unmapped, refused } = profile;
  return html`<h3>${chartTitle(profile)}</h3>
${
  unmapped.length > 0 &&
  html`<p>No value redirects these. ${code('--unmapped=post-render')} or ${code('--unmapped=repack')} of ${code('values')} can, or an operator's own setting; what remains public is listed then.</p>
<ul class="places">${limited(unmapped, MAX_SHOWN, ({ template, path, written }) => html`<li>${code(written)}<br><span class="soft">${template} ${path}</span></li>`, 'helm airgap values lists them')}</ul>`
}
${refused.length > 0 && html`<p>The chart refuses other values of ${refused.slice(0, MAX_SHOWN).map((path, i) => html`${i > 0 && ', '}${code(path)}`)}.</p>`}`;
}

function coverageCheck({ profiles, unsearched }: BundleReport['overrides']): Html {
  const locations = profiles.reduce((sum, each) => sum + each.locations, 0);
  const unmapped = profiles.reduce((sum, each) => sum + each.unmapped.length, 0);
  const rest = unsearched > 0 && html` Nothing is known about ${count(unsearched, 'profile')}.`;
  if (profiles.length === 0)
    return check(
      'look',
      html`The bundle has no recipes, so nothing is known about <a href="#overrides">overrides</a>.`,
    );
  const what =
    unmapped === 0
      ? html`Values can redirect all ${count(locations, 'location')} of images, by the recipes of the bundle.`
      : html`No value redirects ${unmapped} of ${count(locations, 'location')} of images; they need <a href="#overrides">more than a values file</a>.`;
  return check('look', html`${what}${rest} <a href="#overrides">Nothing is proved</a>: add ${code('--to REGISTRY')}.`);
}
