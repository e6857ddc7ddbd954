import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { CONTAINERD_NAME_ANNOTATION, REF_NAME_ANNOTATION } from '../../bundle/names.ts';
import type { Bundle } from '../../bundle/read.ts';
import { tagAnnotation } from '../../bundle/reading/contents.ts';
import type { Descriptor } from '../../oci/descriptor.ts';

/** Maximum characters of an invalid name in a message. */
const MAX_NAME_SHOWN = 100;

/**
 * Checks that images have full names. Archives of other tools may identify an image by tag only, or not at all, so that
 * its destination is unknown. Unnamed index entries next to named images are usually parts of these, and are ignored.
 * @throws AirgapError `unsupported` for an archive without any full name
 */
export function checkNamed(bundle: Bundle, emit: Emit): void {
  const unnamed = bundle.unnamed();
  const tags = unnamed.flatMap((descriptor) => tagAnnotation(descriptor) ?? []);
  const isNamed = bundle.images().length + bundle.charts().length > 0;
  const problem = tags.length === 0 ? 'does not name its images' : `identifies images only by tag (${tags.join(', ')})`;
  if (!isNamed && unnamed.length > 0) {
    throw new AirgapError('unsupported', `${bundle.path} ${problem}, so their destination is unknown`, {
      hint:
        tags.length > 0 || unnamed.length === 1
          ? 'name them, for example --as quay.io/team/app:1.0'
          : 'write the archive again with the full name of each image',
    });
  }
  if (tags.length > 0) {
    const message = `${bundle.path} ${problem}; these images are not pushed unless --as gives their repository`;
    emit({ type: 'warning', message });
  }
  const invalid = unnamed.flatMap((descriptor) => invalidName(descriptor) ?? []);
  if (isNamed && invalid.length > 0) {
    const message = `${bundle.path} has images with invalid names, which are not pushed: ${invalid.join(', ')}`;
    emit({ type: 'warning', message });
  }
}

/** Returns a name that looks like a full reference but is invalid, shortened for messages. */
function invalidName({ annotations = {} }: Descriptor): string | undefined {
  const names: unknown[] = [annotations[CONTAINERD_NAME_ANNOTATION], annotations[REF_NAME_ANNOTATION]];
  const name = names.find((text): text is string => typeof text === 'string' && /[/:]/.test(text));
  return name === undefined || name.length <= MAX_NAME_SHOWN ? name : `${name.slice(0, MAX_NAME_SHOWN)}…`;
}
