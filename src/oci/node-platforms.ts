import type { Platform } from './platform.ts';

/**
 * Returns the platforms whose images a node runs, best first, as containerd selects them (github.com/containerd/platforms,
 * compare.go): its own variant, older variants, and the 32-bit architecture that its processor also runs.
 */
export function platformsOfNode(node: Platform): readonly Platform[] {
  const own = normalized(node);
  const { os, architecture } = own;
  const variants = (name: string, from: number, to: number): Platform[] =>
    Array.from({ length: Math.max(0, from - to + 1) }, (_, i) =>
      normalized({ os, architecture: name, variant: `v${from - i}` }),
    );
  const level = Number(/^v(\d+)/.exec(own.variant ?? '')?.[1] ?? 0);
  switch (architecture) {
    case 'amd64':
      return [own, ...variants('amd64', level - 1, 1), { os, architecture: '386' }];
    case 'arm':
      return [own, ...variants('arm', level - 1, 5)];
    case 'arm64':
      return [own, ...(own.variant === undefined ? [] : [{ os, architecture }]), ...variants('arm', 8, 5)];
    default:
      return [own];
  }
}

/** Returns the position of an image's platform among those that a node runs, from 0; undefined if the node does not run it. */
export function rankOnNode(image: Platform, node: Platform): number | undefined {
  const have = normalized(image);
  const rank = platformsOfNode(node).findIndex(
    ({ os, architecture, variant }) => os === have.os && architecture === have.architecture && variant === have.variant,
  );
  return rank < 0 ? undefined : rank;
}

/** Other names of architectures (containerd's platforms/database.go). */
const ARCHITECTURES: Readonly<Record<string, Platform | undefined>> = {
  i386: { os: '', architecture: '386' },
  x86_64: { os: '', architecture: 'amd64' },
  'x86-64': { os: '', architecture: 'amd64' },
  aarch64: { os: '', architecture: 'arm64' },
  armhf: { os: '', architecture: 'arm', variant: 'v7' },
  armel: { os: '', architecture: 'arm', variant: 'v6' },
};

/** Variants that are the same as none. */
const DEFAULT_VARIANTS: Readonly<Record<string, readonly string[]>> = { amd64: ['v1'], arm64: ['v8', 'v8.0'] };

/** Returns a platform with one spelling for each architecture and variant. */
function normalized(platform: Platform): Platform {
  const os = platform.os.toLowerCase();
  const given = platform.architecture.toLowerCase();
  const known = Object.hasOwn(ARCHITECTURES, given) ? ARCHITECTURES[given] : undefined;
  const { architecture, variant = platform.variant?.toLowerCase() || undefined } = known ?? { architecture: given };
  const prefixed = variant !== undefined && /^\d/.test(variant) ? `v${variant}` : variant;
  if (architecture === 'arm') return { os, architecture, variant: prefixed ?? 'v7' };
  const isDefault = prefixed === undefined || DEFAULT_VARIANTS[architecture]?.includes(prefixed);
  return isDefault ? { os, architecture } : { os, architecture, variant: prefixed };
}
