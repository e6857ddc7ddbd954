/**
 * Reasons why a node would not get an image, in the order of reports:
 * - `public-name`: the reference does not name the target, whatever the target has
 * - `wrong-name`: it has the host of the target, but another port, or is joined wrongly
 * - `unpinned`: it stays public on purpose, but its tag is `latest` or absent
 * - `missing`: neither the target nor the bundle has it, because its registry did not when the bundle was made
 * - `not-in-bundle`: neither the target nor the bundle has it
 * - `not-pushed`: the target does not have it; the bundle does, or no bundle was given
 * - `incomplete`: the target has the manifest, but not all that it refers to, or the manifest is damaged
 * - `wrong-platform`: there is no image for a wanted platform
 * - `no-permission`: the target refuses the credentials, or anonymous access
 * - `unknown-authority`: the target's certificate is not signed by a trusted authority
 * - `unreachable`: the target does not answer, or not as a registry does
 */
export const CHECK_REASONS = [
  'public-name',
  'wrong-name',
  'unpinned',
  'missing',
  'not-in-bundle',
  'not-pushed',
  'incomplete',
  'wrong-platform',
  'no-permission',
  'unknown-authority',
  'unreachable',
] as const;

export type CheckReason = (typeof CHECK_REASONS)[number];
