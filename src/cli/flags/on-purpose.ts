import type { AllowedImages, OnPurpose } from '../../search/reference-decisions.ts';
import { type FlagsOf, flagGroup, repeatable } from './option.ts';
import type { Settings } from './settings.ts';

/** Adds the flags that name images which stay public. */
export const addOnPurposeFlags = flagGroup((command) =>
  command
    .addOption(
      repeatable(
        '--exclude <pattern[=reason]>',
        'matching images and nested charts stay as they are, on purpose; * matches anything',
      ),
    )
    .addOption(repeatable('--include <pattern[=reason]>', 'redirect matching images although they are excluded'))
    .option('--allow-images <file>', 'images that stay public on purpose, with reasons'),
);

export type OnPurposeFlags = FlagsOf<typeof addOnPurposeFlags>;

/**
 * Returns which images stay public on purpose.
 * @throws AirgapError `config` for the list of images
 */
export async function onPurposeOf(
  { allowImages }: Pick<OnPurposeFlags, 'allowImages'>,
  { exclude, include }: Pick<Settings, 'exclude' | 'include'>,
): Promise<OnPurpose> {
  return { exclude, include, allowed: await readAllowedImages(allowImages) };
}

/**
 * Reads the list of `--allow-images`: entries of `image` and `reason`, and `namespace` and `at` if they are for some namespaces or fields only.
 * @throws AirgapError `config` with file, line and column of each problem
 */
export async function readAllowedImages(file: string | undefined): Promise<readonly AllowedImages[]> {
  if (file === undefined) return [];
  const [{ readDocument }, z] = await Promise.all([import('../config/document.ts'), import('zod')]);
  const text = z.string().trim().min(1, 'must not be empty');
  return readDocument(file, {
    schema: z.array(z.strictObject({ image: text, at: text.optional(), namespace: text.optional(), reason: text })),
    flag: '--allow-images',
    hint: 'write a list of entries such as: - {image: "registry.k8s.io/*", namespace: kube-system, reason: part of the cluster}',
  });
}
