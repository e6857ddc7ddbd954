import { createHash } from 'node:crypto';
import { list } from 'tar';
import type { ExpectedImage } from '../registry.ts';
import type { Workload } from './images.ts';

/**
 * Shell scripts by contender. Environment: AIRGAP, the launcher; WORK, an empty folder whose size is measured; KEPT, the
 * folder with the input of pushes: `bundle.tar`, `layout.tar` and `layout/`.
 */
export type Contenders = Readonly<Record<string, string>>;

/** Name of an image in an OCI layout for skopeo: without slashes and colons. */
const slug = ({ repository, reference }: ExpectedImage): string => `${repository.replaceAll('/', '-')}-${reference}`;
const nameOf = (host: string, { repository, reference }: ExpectedImage): string => `${host}/${repository}:${reference}`;
/** Some systems lack a policy file, without which skopeo refuses to copy. */
const COPY = 'skopeo --insecure-policy copy --quiet --all';

/** Contenders that copy from a registry into one file. */
export function pulls(host: string, { images }: Workload): Contenders {
  const copies = images.map(
    (image) => `${COPY} --src-tls-verify=false docker://${nameOf(host, image)} oci:"$WORK/oci":${slug(image)}`,
  );
  const names = images.map((image) => nameOf(host, image));
  return {
    airgap: `printf '%s\\n' ${names.join(' ')} > "$WORK/images.txt"
"$AIRGAP" bundle --images "$WORK/images.txt" --plain-http ${host} --out "$WORK/out.tar"`,
    skopeo: [...copies, 'tar -C "$WORK/oci" -cf "$WORK/out.tar" .'].join('\n'),
  };
}

/** Contenders that copy from a file into an empty registry; skopeo also from a layout that was unpacked before. */
export function pushes(host: string, { images }: Workload): Contenders {
  const copies = (layout: string): string[] =>
    images.map(
      (image) => `${COPY} --dest-tls-verify=false oci:"${layout}":${slug(image)} docker://${nameOf(host, image)}`,
    );
  return {
    airgap: `"$AIRGAP" push "$KEPT/bundle.tar" --to ${host} --naming path --plain-http ${host}`,
    'skopeo, unpacked before': copies('$KEPT/layout').join('\n'),
    'skopeo, from the archive': [
      'mkdir "$WORK/oci"',
      'tar -C "$WORK/oci" -xf "$KEPT/layout.tar"',
      ...copies('$WORK/oci'),
    ].join('\n'),
  };
}

/**
 * Checks that an archive has every blob of the workload, with the content of its digest.
 * @throws Error with the first missing blob
 */
export async function checkArchive(file: string, { digests }: Workload): Promise<void> {
  const found = new Set<string>();
  await list({
    file,
    onReadEntry: (entry) => {
      const digest = /(?:^|\/)blobs\/sha256\/([0-9a-f]{64})$/.exec(entry.path)?.[1];
      if (digest === undefined) return void entry.resume();
      const hash = createHash('sha256');
      entry.on('data', (chunk) => hash.update(chunk));
      entry.on('end', () => {
        if (hash.digest('hex') === digest) found.add(`sha256:${digest}`);
      });
    },
  });
  const missing = [...digests].filter((digest) => !found.has(digest));
  if (missing.length > 0) throw new Error(`${file} lacks ${missing.length} of ${digests.size}: ${missing[0]}`);
}
