import { AirgapError } from '../base/errors.ts';

/** OCI image index specification, `platform`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** The most common platform. */
export const LINUX_AMD64: Platform = { os: 'linux', architecture: 'amd64' };

/**
 * Parses `os/architecture[/variant]`, as in `--platform linux/arm64/v8`.
 * @throws AirgapError `usage`
 */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...extra] = text.trim().toLowerCase().split('/');
  if (!os || !architecture || extra.length > 0 || variant === '') {
    throw new AirgapError('usage', `"${text}" is not a platform`, { hint: 'write os/architecture, as in linux/amd64' });
  }
  return variant === undefined ? { os, architecture } : { os, architecture, variant };
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`;
}

/** Reports whether `have` satisfies `want`. Without a wanted variant, any matches; arm64 means arm64/v8. */
export function matchesPlatform(have: Platform, want: Platform): boolean {
  const variant = (p: Platform): string | undefined => p.variant ?? (p.architecture === 'arm64' ? 'v8' : undefined);
  return (
    have.os === want.os &&
    have.architecture === want.architecture &&
    (want.variant === undefined || variant(have) === want.variant)
  );
}

/** Reports whether the platform is the one that BuildKit gives attestations (provenance, SBOM) in an index. */
export function isAttestationPlatform(platform: Platform | undefined): boolean {
  return platform?.os === 'unknown' && platform.architecture === 'unknown';
}

/** Returns the platform in an image config (OCI image specification, config.md); undefined for anything else. */
export function platformOfConfig(config: Uint8Array): Platform | undefined {
  let json: Partial<Record<keyof Platform, unknown>> | null;
  try {
    json = JSON.parse(Buffer.from(config).toString('utf8'));
  } catch {
    return undefined;
  }
  const { os, architecture, variant } = json ?? {};
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined;
  return typeof variant === 'string' && variant !== '' ? { os, architecture, variant } : { os, architecture };
}
