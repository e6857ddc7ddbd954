import { AirgapError } from '../base/errors.ts';

// The pattern of `repositoryName` in ECR's API reference, CreateRepository; narrower than what other registries take.
const COMPONENT = '[a-z0-9]+(?:[._-][a-z0-9]+)*';
const NAME = new RegExp(`^(?:${COMPONENT}/)*${COMPONENT}$`);
const SHORTEST = 2;
const LONGEST = 256;

/** Whether ECR takes this as the name of a repository. */
export function isEcrRepositoryName(name: string): boolean {
  return name.length >= SHORTEST && name.length <= LONGEST && NAME.test(name);
}

/**
 * Checks every name before the first request.
 * @throws AirgapError `reference-invalid` with all names that ECR would refuse
 */
export function checkRepositoryNames(host: string, names: readonly string[]): void {
  const bad = names.filter((name) => !isEcrRepositoryName(name));
  if (bad.length === 0) return;
  const many = bad.length === 1 ? 'a repository name that ECR does' : `${bad.length} repository names that ECR does`;
  throw new AirgapError('reference-invalid', `${host}: ${many} not allow: ${bad.join(', ')}`, {
    hint: `ECR takes ${SHORTEST} to ${LONGEST} characters, lower case, with single . _ or - between letters and digits`,
  });
}
