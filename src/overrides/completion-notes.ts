import type { Proof } from './proof.ts';

/** Before the images of pods that no render shows. */
const OWN_PODS = 'Not known to have the pull secret, in pods that the installed software makes';

/** What the head of an overrides file says of pull secret and digests; nothing when neither is asked for. */
export function completionNotes({ withoutPullSecret = [], pullSecretUnknown = [], pins }: Proof): string[] {
  return [
    ...withoutPullSecret.map(({ kind, name, template }) => `Without the pull secret: ${kind}/${name} (${template})`),
    ...(pullSecretUnknown.length === 0 ? [] : [`${OWN_PODS}: ${pullSecretUnknown.join(', ')}`]),
    ...(pins === undefined ? [] : [`Pinned to their digests: ${pins.pinned} of ${pins.pinnable} references.`]),
    ...(pins?.left ?? []).map(({ reference, template, path }) => `Not pinned: ${reference} (${template} ${path})`),
  ];
}
