import type { Workload } from './images.ts';

/**
 * A shell script, by the name of what it measures. In its environment: AIRGAP, the launcher; WORK, an empty folder, whose
 * size counts; KEPT, the folder with what pushes start from, `bundle.tar`, `layout.tar` and `layout/`.
 */
export type Contenders = Readonly<Record<string, string>>;

/** `skopeo`'s reference in a layout: what stands before the colon may not contain one. */
const slug = (reference: string): string => reference.slice(reference.indexOf('/') + 1).replace(/[/:]/g, '-');
/** Without a policy file, which some systems lack, skopeo refuses to copy. */
const COPY = 'skopeo --insecure-policy copy --quiet --all';

/** From a registry into one file. */
export function pulls(host: string, { references }: Workload): Contenders {
  const copies = references.map(
    (from) => `${COPY} --src-tls-verify=false docker://${from} oci:"$WORK/oci":${slug(from)}`,
  );
  return {
    airgap: `printf '%s\\n' ${references.join(' ')} > "$WORK/images.txt"
"$AIRGAP" bundle --images "$WORK/images.txt" --plain-http ${host} --out "$WORK/out.tar"`,
    skopeo: [...copies, 'tar -C "$WORK/oci" -cf "$WORK/out.tar" .'].join('\n'),
  };
}

/** From a file into an empty registry; skopeo also from a layout that was unpacked before. */
export function pushes(host: string, { references }: Workload): Contenders {
  const copies = (layout: string): string[] =>
    references.map((from) => {
      const to = `${host}/${from.slice(from.indexOf('/') + 1)}`;
      return `${COPY} --dest-tls-verify=false oci:"${layout}":${slug(from)} docker://${to}`;
    });
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
