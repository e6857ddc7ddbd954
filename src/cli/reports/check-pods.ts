import { count, firstOf } from '../../base/count.ts';
import type { AllowedPods, PodCheck, PodPlace, PodProblem, PodReason } from '../../workflows/check/check-pods.ts';
import type { Block, Report } from './report.ts';
import { joinLines, shortDigest } from './text.ts';

/** Maximum number of Pods of an image in a cell; JSON has all. */
const MAX_PODS = 3;

/** Maximum number of images of other bundles, which are no problem; JSON has all. */
const MAX_NOTES = 10;

/** Heading of the images with a problem, and what to do about it. */
const TEXTS: Readonly<Record<PodReason, { readonly heading: string; readonly advice: (target: string) => string }>> = {
  'cannot-pull': {
    heading: 'cannot be pulled',
    advice: (target) =>
      `helm airgap check CHART --to ${target} says why the nodes cannot pull an image, and what to do`,
  },
  'not-target': {
    heading: 'not of the target',
    advice: () =>
      'redirect images of other registries (helm airgap values), or accept them with a reason in a list (--allow-images FILE)',
  },
  'other-digest': {
    heading: 'other content than the bundle has',
    advice: () =>
      'push the bundle (helm airgap push), then restart the Pods that run other content (kubectl rollout restart)',
  },
  'not-pulled-yet': {
    heading: 'not pulled yet',
    advice: () => 'run the same command again when the nodes have tried the images that are not pulled yet',
  },
};

const ORDER = Object.keys(TEXTS) as PodReason[];

/** Formats the check of Pods: one table for each cause. Notes: what was allowed, and what to do. */
export function podCheckReport(check: PodCheck): Report {
  const { target, counts, problems, allowed, unusedAllowed, notInBundle = [], bundle } = check;
  const verdict = check.ok
    ? `${count(counts.pods, 'Pod')}: every image is of ${target} and pulled${allowed.length === 0 ? '' : ', or public on purpose'}`
    : `${counts.podsWithProblems} of ${count(counts.pods, 'Pod')} ${counts.podsWithProblems === 1 ? 'has' : 'have'} images that are not of ${target}, or not pulled from it`;
  const reasons = ORDER.filter((reason) => problems.some((problem) => problem.reason === reason));
  const notes = [
    ...allowed.map(allowedText),
    ...unusedAllowed.map(
      ({ image, namespace }) =>
        `--allow-images: ${image}${namespace === undefined ? '' : ` in ${namespace}`} allows nothing any more: remove it`,
    ),
    ...notInBundle.slice(0, MAX_NOTES).map(({ image, places }) => `not in ${bundle}: ${image} (${podsText(places)})`),
    ...(notInBundle.length > MAX_NOTES
      ? [`not in ${bundle}: ${notInBundle.length - MAX_NOTES} more (-o json lists all)`]
      : []),
    ...reasons.map((reason) => TEXTS[reason].advice(target)),
  ];
  return {
    result: [
      joinLines([verdict]),
      ...(reasons.length === 0 ? [] : ['']),
      ...reasons.flatMap((reason) => problemBlocks(reason, problems)),
    ],
    notes: notes.length === 0 ? [] : [joinLines(notes)],
  };
}

/** Formats one table for each cause: those of most images first. */
function problemBlocks(reason: PodReason, problems: readonly PodProblem[]): Block[] {
  const causes = Map.groupBy(
    problems.filter((problem) => problem.reason === reason),
    (problem) => (reason === 'other-digest' ? '' : problem.cause),
  );
  return [...causes]
    .sort(([, a], [, b]) => b.length - a.length)
    .flatMap(([cause, group]): Block[] => [
      joinLines([`${TEXTS[reason].heading}${cause === '' ? '' : `: ${cause}`}`]),
      tableOf(reason, group),
    ]);
}

function tableOf(reason: PodReason, problems: readonly PodProblem[]): Block {
  if (reason === 'other-digest') {
    return {
      head: ['IMAGE', 'RUNS', 'BUNDLE', 'PODS'],
      rows: problems.map(({ image, cause, expected, places }) => [
        image,
        shortDigest(cause),
        expected === undefined ? '' : shortDigest(expected),
        podsText(places),
      ]),
    };
  }
  const isRefused = problems.some(({ cause }) => REFUSED.test(cause));
  return {
    head: ['IMAGE', 'STATE', 'PODS', ...(isRefused ? ['PULL SECRETS'] : [])],
    rows: problems.map(({ image, places }) => [
      image,
      statesText(places),
      podsText(places),
      ...(isRefused ? [secretsText(places)] : []),
    ]),
  };
}

/** Causes for which it matters whether a Pod has a pull secret, in the words of registries and runtimes. */
const REFUSED = /\b(?:401|403|unauthorized|forbidden|denied|authorization|authentication|credentials)\b/i;

function secretsText(places: readonly PodPlace[]): string {
  const names = places.flatMap(({ imagePullSecrets }) => (imagePullSecrets.length === 0 ? ['none'] : imagePullSecrets));
  return firstOf([...new Set(names)], MAX_PODS);
}

/** Names the Pods with their containers: `apps/web-1 (main), apps/web-2 (main) and 3 more`. */
function podsText(places: readonly PodPlace[]): string {
  const pods = Map.groupBy(places, ({ namespace, pod }) => `${namespace}/${pod}`);
  const texts = [...pods].map(([pod, group]) => `${pod} (${group.map(({ container }) => container).join(', ')})`);
  return firstOf(texts, MAX_PODS);
}

function statesText(places: readonly PodPlace[]): string {
  return [...new Set(places.map(({ state, why }) => why ?? state))].join(', ');
}

function allowedText({ images, places, reason }: AllowedPods): string {
  const pods = new Set(places.map(({ namespace, pod }) => `${namespace}/${pod}`)).size;
  return `public on purpose: ${firstOf(images, MAX_PODS)}, ${count(pods, 'Pod')} (${reason})`;
}
