import { AirgapError } from '../../base/errors.ts';
import { parseReference, type Reference } from '../../oci/reference.ts';

/** Parses `--as`. @throws AirgapError `reference-invalid`; `usage` for a reference with a digest */
export function parseAssumedName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest === undefined) return reference;
  throw new AirgapError('usage', `--as ${text}: a digest is not allowed, the archive determines it`, {
    hint: 'example: --as quay.io/team/app:1.0',
  });
}
