import { airgapOk } from '../test/support/cli.ts';
import type { Plan } from '../test/support/fault-proxy.ts';
import { pushImage } from '../test/support/images.ts';
import { answer } from './injections.ts';
import type { Lane, Place } from './lane.ts';

/** Images of the bundle, and as many manifests. */
const IMAGES = 200;
/** Manifests that the registry takes in a second, and at once after a pause: ECR's published rate for PutImage. */
const PER_SECOND = 10;
const AT_ONCE = 10;

/** How a push into a registry that throttles went. */
export interface Throttled {
  /** What the registry says beside 429. */
  readonly variant: string;
  readonly manifests: number;
  /** From the first manifest that was taken to the last. */
  readonly seconds: number;
  readonly refused: number;
  /** Manifests a second as a share of what is permitted. */
  readonly share: number;
}

/** Pushes 200 small images in a process of its own into a registry that takes ten manifests a second. */
export async function measureRate(lane: Lane): Promise<readonly Throttled[]> {
  const place = lane.place();
  try {
    const names = Array.from({ length: IMAGES }, (_, at) => `many/image-${at}`);
    for (const name of names)
      await pushImage(lane.source.host, name, '1', { size: 500, sharedLayer: 'base', platforms: ['linux/amd64'] });
    const images = names.flatMap((name) => ['--image', `${lane.source.host}/${name}:1`]);
    const bundle = [...images, '--plain-http', lane.source.host, '--no-referrers', '--out', place.file];
    await airgapOk(['bundle', ...bundle], lane.home, { cwd: place.folder });
    return [
      await pushThrottled(lane, place.file, 'with `Retry-After: 1`', { 'retry-after': '1' }),
      await pushThrottled(lane, place.file, 'without `Retry-After`', {}),
    ];
  } finally {
    lane.leave(place);
  }
}

async function pushThrottled(
  lane: Lane,
  bundle: string,
  variant: string,
  headers: Readonly<Record<string, string>>,
): Promise<Throttled> {
  const place: Place = lane.place();
  const taken: number[] = [];
  let refused = 0;
  let [tokens, filled] = [AT_ONCE, performance.now()];
  const plan: Plan = ({ method, path }) => {
    if (method !== 'PUT' || !path.includes('/manifests/')) return undefined;
    const now = performance.now();
    tokens = Math.min(AT_ONCE, tokens + ((now - filled) * PER_SECOND) / 1000);
    filled = now;
    if (tokens < 1) {
      refused++;
      return answer(429, { headers, code: 'TOOMANYREQUESTS' });
    }
    tokens--;
    taken.push(now);
    return undefined;
  };
  lane.proxy.begin(plan);
  try {
    await airgapOk(lane.pushArgs(place, bundle), lane.home, { env: lane.env(place), cwd: place.folder });
  } finally {
    lane.leave(place);
  }
  const seconds = ((taken.at(-1) ?? 0) - (taken[0] ?? 0)) / 1000;
  return { variant, manifests: taken.length, seconds, refused, share: (taken.length - AT_ONCE) / seconds / PER_SECOND };
}

/** A Markdown table. */
export function rateTable(rows: readonly Throttled[]): string {
  return [
    `| 429 | manifests | seconds | refused | share of ${PER_SECOND} a second |`,
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows.map(
      ({ variant, manifests, seconds, refused, share }) =>
        `| ${[variant, manifests, seconds.toFixed(1), refused, share.toFixed(2)].join(' | ')} |`,
    ),
  ].join('\n');
}
