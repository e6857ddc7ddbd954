import type { Proof } from './proof.ts';

/** What the head of an overrides file says of pull secret and digests; nothing when neither is asked for. */
export function completionNotes({ withoutPullSecret = [], pins }: Proof): string[] {
  return [
    ...withoutPullSecret.map(({ kind, name, template }) => `Without the pull secret: ${kind}/${name} (${template})`),
    ...(pins === undefined ? [] : [`Pinned to their digests: ${pins.pinned} of ${pins.pinnable} references.`]),
    ...(pins?.left ?? []).map(({ reference, template, path }) => `Not pinned: ${reference} (${template} ${path})`),
  ];
}
