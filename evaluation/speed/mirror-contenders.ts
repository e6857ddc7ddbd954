import type { ExpectedImage } from '../registry.ts';
import type { Contenders } from './contenders.ts';
import type { Workload } from './images.ts';

const nameOf = (host: string, { repository, reference }: ExpectedImage): string => `${host}/${repository}:${reference}`;

/**
 * Contenders that copy from a registry into another: `TOOL` or `TOOL, SETTING`. Their settings were the fastest of those
 * tried for some workload. Every repository keeps its name. Environment: AIRGAP, the launcher; WORK, an empty folder.
 */
export function mirrors(source: string, target: string, workload: Workload): Contenders {
  return {
    airgap: airgap(source, target, workload),
    'regsync, 4 images and 8 requests': regsync(source, target, workload, 4, 8),
    'regsync, 16 images and 32 requests': regsync(source, target, workload, 16, 32),
    'regsync with referrers, 4 images and 8 requests': regsync(source, target, workload, 4, 8, REFERRERS),
    'regsync with referrers, 16 images and 32 requests': regsync(source, target, workload, 16, 32, REFERRERS),
    'skopeo sync, one process': skopeo(source, target, workload),
    'skopeo sync, 4 processes': skopeoProcesses(source, target, workload, 4),
    'skopeo sync, 8 processes': skopeoProcesses(source, target, workload, 8),
    'oras, 4 processes': oras(source, target, workload, 4),
    'oras, 8 processes': oras(source, target, workload, 8),
    'oras with referrers, 4 processes': oras(source, target, workload, 4, '--recursive'),
    'oras with referrers, 8 processes': oras(source, target, workload, 8, '--recursive'),
  };
}

function airgap(source: string, target: string, { images }: Workload): string {
  return `printf '%s\\n' ${images.map((image) => nameOf(source, image)).join(' ')} > "$WORK/images.txt"
"$AIRGAP" mirror --images "$WORK/images.txt" --to ${target} --naming path --plain-http ${source} --plain-http ${target}`;
}

const REFERRERS = ', referrers: true, digestTags: true';

function regsync(
  source: string,
  target: string,
  { images }: Workload,
  parallel: number,
  requests: number,
  options = '',
): string {
  const creds = [source, target].map((host) => `{registry: "${host}", tls: disabled, reqConcurrent: ${requests}}`);
  const steps = images.map(
    (image) => `  - {source: "${nameOf(source, image)}", target: "${nameOf(target, image)}", type: image${options}}`,
  );
  return `cat > "$WORK/regsync.yml" <<'END'
version: 1
creds: [${creds.join(', ')}]
defaults: {parallel: ${parallel}}
sync:
${steps.join('\n')}
END
regsync once -c "$WORK/regsync.yml"`;
}

const SYNC = 'skopeo --insecure-policy sync --all --dest docker --dest-tls-verify=false';

/** All repositories of a workload are in one folder, which skopeo does not keep. */
const folderOf = ({ images }: Workload): string => images[0]?.repository.split('/')[0] ?? '';

function skopeo(source: string, target: string, workload: Workload): string {
  const images = workload.images.map(({ repository, reference }) => `    ${repository}: [${reference}]`);
  return `cat > "$WORK/sync.yml" <<'END'
${source}:
  tls-verify: false
  images:
${images.join('\n')}
END
${SYNC} --src yaml "$WORK/sync.yml" ${target}/${folderOf(workload)}`;
}

function skopeoProcesses(source: string, target: string, workload: Workload, processes: number): string {
  const names = workload.images.map((image) => nameOf(source, image));
  const copy = `${SYNC} --src docker --src-tls-verify=false @ ${target}/${folderOf(workload)}`;
  return `printf '%s\\n' ${names.join(' ')} | xargs -P ${processes} -I@ ${copy}`;
}

function oras(source: string, target: string, { images }: Workload, processes: number, options = ''): string {
  const names = images.map((image) => nameOf('', image).slice(1));
  const copy = `oras cp ${options} --no-tty --concurrency 5 --from-plain-http --to-plain-http ${source}/@ ${target}/@`;
  return `printf '%s\\n' ${names.join(' ')} | xargs -P ${processes} -I@ ${copy}`;
}
