import { AirgapError } from '../../base/errors.ts';
import type { Emit } from '../../base/events.ts';
import { CONTAINERD_NAME, REF_NAME } from '../../bundle/names.ts';
import type { Bundle } from '../../bundle/read.ts';
import { tagName } from '../../bundle/reading/contents.ts';
import type { Descriptor } from '../../oci/descriptor.ts';

/** Characters of a name that is wrong. */
const SHOWN = 100;

/**
 * Other tools' archives may name an image by its tag alone, or not at all; where such a one goes nobody can tell. What lies
 * in the index without a name beside images that have one is most often a part of them, and passed over.
 * @throws AirgapError `unsupported` for an archive in which nothing is named
 */
export function checkNamed(bundle: Bundle, emit: Emit): void {
  const unnamed = bundle.unnamed();
  const tags = unnamed.flatMap((descriptor) => tagName(descriptor) ?? []);
  const isNamed = bundle.images().length + bundle.charts().length > 0;
  const told = tags.length === 0 ? 'has no names for its images' : `names images by tags alone (${tags.join(', ')})`;
  if (!isNamed && unnamed.length > 0) {
    throw new AirgapError('unsupported', `${bundle.path} ${told}, so nobody can tell where they go`, {
      hint:
        tags.length > 0 || unnamed.length === 1
          ? 'name them, as in --as quay.io/team/app:1.0'
          : 'write it anew with the full name of each image',
    });
  }
  if (tags.length > 0) {
    const message = `${bundle.path} ${told}; those are not pushed, unless --as says which repository they are of`;
    emit({ type: 'warning', message });
  }
  const wrong = unnamed.flatMap((descriptor) => wrongName(descriptor) ?? []);
  if (isNamed && wrong.length > 0) {
    const message = `${bundle.path} has images under names that no image can have: ${wrong.join(', ')}; those are not pushed`;
    emit({ type: 'warning', message });
  }
}

/** A full name that is none, shortened: whoever wrote it meant something to be found by it. */
function wrongName({ annotations = {} }: Descriptor): string | undefined {
  const names: unknown[] = [annotations[CONTAINERD_NAME], annotations[REF_NAME]];
  const name = names.find((text): text is string => typeof text === 'string' && /[/:]/.test(text));
  return name === undefined || name.length <= SHOWN ? name : `${name.slice(0, SHOWN)}…`;
}
