import { isDigest } from '../oci/digest.ts';
import { formatReference } from '../oci/reference.ts';
import { chartReference } from './names.ts';
import type { Problem } from './problem.ts';
import type { Bundle } from './read.ts';

/** The index against the lock and `manifest.json`: the same names, with the same digests. */
export function checkAgreement(bundle: Bundle): Problem[] {
  return [...checkLock(bundle), ...checkDockerSave(bundle)];
}

function checkLock(bundle: Bundle): Problem[] {
  const lock = bundle.lock();
  if (lock === undefined) return [];
  const locked = new Map<string, string>([
    ...lock.images.map(({ reference, digest }): [string, string] => [reference, digest]),
    ...lock.charts.map(({ name, version, digest }): [string, string] => [
      formatReference(chartReference(name, version)),
      digest,
    ]),
  ]);
  const there = new Map<string, string>(
    [...bundle.images(), ...bundle.charts()].map(({ reference, descriptor }) => [
      formatReference(reference),
      descriptor.digest,
    ]),
  );
  const problems: Problem[] = [];
  for (const [name, digest] of locked) {
    const actual = there.get(name);
    if (actual === digest) continue;
    const message =
      actual === undefined
        ? `the lock lists ${name}, and the index does not`
        : `${name} is ${actual} in the index, and ${digest} in the lock`;
    problems.push({ message, affects: [name] });
  }
  for (const name of there.keys()) {
    if (!locked.has(name))
      problems.push({ message: `the index lists ${name}, and the lock does not`, affects: [name] });
  }
  return problems;
}

/** `manifest.json` has no digest of its own: what it names has to be there. */
function checkDockerSave({ dockerSave, entries }: Bundle): Problem[] {
  if (dockerSave === undefined) return [];
  const problem = (what: string): Problem => ({ message: `manifest.json (for docker load) ${what}`, affects: [] });
  try {
    const images = JSON.parse(Buffer.from(dockerSave).toString('utf8')) as { Config: string; Layers: string[] }[];
    const missing = images
      .flatMap(({ Config, Layers }) => [Config, ...Layers])
      .filter((name) => {
        const digest = name.replace(/^blobs\//, '').replace('/', ':');
        return !isDigest(digest) || !entries.has(digest);
      });
    return missing.length === 0 ? [] : [problem(`names ${missing[0]}, which is not there`)];
  } catch {
    return [problem('cannot be read')];
  }
}
