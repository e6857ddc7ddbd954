/** Documents as `helm airgap check … -o json` prints them, written by hand: independent of the check itself. */

type Entry = { readonly status: string; readonly source?: string } & Readonly<Record<string, unknown>>;

/** Target of the documents. */
const CHECKED_TARGET = 'registry.internal.example/mirrored';

/** Returns an image as `check` reports it, at the target under its full name. */
export function checkedImage(source: string, status: string, more: Readonly<Record<string, unknown>> = {}): Entry {
  const workloads = [{ chart: 'app', profile: 'default', kind: 'Deployment', name: 'app', path: 'spec' }];
  const reference = `${CHECKED_TARGET}/${source}`;
  return { reference, source, status, platforms: ['linux/amd64'], workloads, ...more };
}

/** Returns the text of a document with these images and charts. */
export function checkDocument(images: readonly Entry[], charts: readonly object[] = []): string {
  return JSON.stringify({
    apiVersion: 'airgap/v1',
    kind: 'Check',
    target: CHECKED_TARGET,
    platforms: ['linux/amd64'],
    charts,
    images,
  });
}
