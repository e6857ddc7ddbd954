import { airgapOk } from '../../test/support/cli.ts';
import type { Plan } from '../../test/support/fault-proxy.ts';
import { pushImage } from '../../test/support/images.ts';
import { table } from '../page.ts';
import { answer } from './injections.ts';
import type { Worker, Workspace } from './worker.ts';

/** Images of the bundle, with one manifest each. */
const IMAGES = 200;
/** Manifests per second, and burst: ECR's published rate for PutImage. */
const PER_SECOND = 10;
const AT_ONCE = 10;

/** Figures of a push to a registry that throttles. */
export interface Throttled {
  /** Headers of the 429 responses. */
  readonly variant: string;
  readonly manifests: number;
  /** From the first accepted manifest to the last. */
  readonly seconds: number;
  readonly refused: number;
  /** Manifests per second as a share of the permitted rate. */
  readonly share: number;
}

/** Pushes 200 small images, from a child process, to a registry that accepts ten manifests a second. */
export async function measureRate(worker: Worker): Promise<readonly Throttled[]> {
  const workspace = worker.createWorkspace();
  try {
    const names = Array.from({ length: IMAGES }, (_, index) => `many/image-${index}`);
    const { host } = worker.registries.source;
    for (const name of names)
      await pushImage(host, name, '1', { size: 500, sharedLayer: 'base', platforms: ['linux/amd64'] });
    const images = names.flatMap((name) => ['--image', `${host}/${name}:1`]);
    const bundle = [...images, '--plain-http', host, '--no-referrers', '--out', workspace.file];
    await airgapOk(['bundle', ...bundle], worker.home, { cwd: workspace.folder });
    return [
      await pushThrottled(worker, workspace.file, 'with `Retry-After: 1`', { 'retry-after': '1' }),
      await pushThrottled(worker, workspace.file, 'without `Retry-After`', {}),
    ];
  } finally {
    worker.removeWorkspace(workspace);
  }
}

async function pushThrottled(
  worker: Worker,
  bundle: string,
  variant: string,
  headers: Readonly<Record<string, string>>,
): Promise<Throttled> {
  const workspace: Workspace = worker.createWorkspace();
  const accepted: number[] = [];
  let refused = 0;
  let [tokens, refilled] = [AT_ONCE, performance.now()];
  const plan: Plan = ({ method, path }) => {
    if (method !== 'PUT' || !path.includes('/manifests/')) return undefined;
    const now = performance.now();
    tokens = Math.min(AT_ONCE, tokens + ((now - refilled) * PER_SECOND) / 1000);
    refilled = now;
    if (tokens < 1) {
      refused++;
      return answer(429, { headers, code: 'TOOMANYREQUESTS' });
    }
    tokens--;
    accepted.push(now);
    return undefined;
  };
  const route = { side: 'target', plan } as const;
  worker.begin(route);
  try {
    await airgapOk(worker.pushArgs(workspace, bundle), worker.home, {
      env: worker.env(workspace, route),
      cwd: workspace.folder,
    });
  } finally {
    worker.removeWorkspace(workspace);
  }
  const seconds = ((accepted.at(-1) ?? 0) - (accepted[0] ?? 0)) / 1000;
  const share = (accepted.length - AT_ONCE) / seconds / PER_SECOND;
  return { variant, manifests: accepted.length, seconds, refused, share };
}

/** Formats the figures as a Markdown table. */
export function rateTable(rows: readonly Throttled[]): string {
  const head = ['429', 'manifests', 'seconds', 'refused', `share of ${PER_SECOND} a second`];
  const cells = rows.map(({ variant, manifests, seconds, refused, share }) => {
    return [variant, manifests, seconds.toFixed(1), refused, share.toFixed(2)];
  });
  return table(head, cells);
}
