import type { Proof } from './proof.ts';

const OPERATOR_PODS = 'Pull secret unknown (pods created by the installed software)';

/** Comment lines about the pull secret and digests for the top of an overrides file; none if neither was requested. */
export function additionNotes({ withoutPullSecret = [], pullSecretUnknown = [], pins }: Proof): string[] {
  return [
    ...withoutPullSecret.map(({ kind, name, template }) => `Without the pull secret: ${kind}/${name} (${template})`),
    ...(pullSecretUnknown.length === 0 ? [] : [`${OPERATOR_PODS}: ${pullSecretUnknown.join(', ')}`]),
    ...(pins === undefined ? [] : [`Pinned to their digests: ${pins.pinned} of ${pins.pinnable} references.`]),
    ...(pins?.left ?? []).map(({ reference, template, path }) => `Not pinned: ${reference} (${template} ${path})`),
  ];
}
