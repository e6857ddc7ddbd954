import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AirgapEvent } from '../../../../src/base/events.ts';
import { parseTarget } from '../../../../src/naming/naming.ts';
import { formatReference, parseReference } from '../../../../src/oci/reference.ts';
import { push } from '../../../../src/workflows/push/push.ts';
import { SELECT_ALL } from '../../../../src/workflows/push/selection.ts';
import { missingPrograms } from '../../../support/daemon.ts';
import { pushImage } from '../../../support/images.ts';
import { context } from '../../../support/push-to-ecr.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';
import { scratchFolder } from '../../../support/scratch.ts';

/** Archives of other tools, pushed to a real registry. */

let registry: TestRegistry;
let home: string;
const digests: Record<'one' | 'all', string> = { one: '', all: '' };

beforeAll(async () => {
  registry = await startRegistry();
  home = scratchFolder();
  digests.one = await pushImage(registry.host, 'team/one', '2.0', { platforms: ['linux/amd64'] });
  digests.all = await pushImage(registry.host, 'team/all', '1.0');
});
afterAll(() => registry.stop());

/** Skips the tests of a group if one of these programs is missing. */
function needs(...programs: string[]): void {
  const missing = missingPrograms(...programs);
  beforeEach(({ skip }) => skip(missing !== undefined, missing));
}

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { cwd: home, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}
function skopeo(from: string, to: string): void {
  const flags = ['--insecure-policy', 'copy', '--all', '--src-tls-verify=false'];
  run('skopeo', ...flags, `docker://${registry.host}/${from}`, to);
}

/** Pushes an archive. Returns the private names without the host, and the digests. */
async function pushed(file: string, as?: string, emit: (event: AirgapEvent) => void = () => {}) {
  const options = {
    files: [join(home, file)],
    targets: [parseTarget(`${registry.host}/m`, 'host-path')],
    access: { mirrors: [], plainHttp: [registry.host] },
    concurrency: 4,
    existing: 'error' as const,
    requireReferrers: false,
    selection: SELECT_ALL,
    repositories: { create: 'missing' as const, reconcile: false, settings: {} },
    now: () => new Date(),
    ...(as === undefined ? {} : { as: parseReference(as) }),
  };
  const [result] = await push({ ...context, emit }, options, async () => {});
  return result?.images.map(({ target: { digest, ...tagged } }) => [
    formatReference(tagged).slice(registry.host.length + 1),
    digest,
  ]);
}

describe('skopeo archives', () => {
  needs('skopeo');

  it('are pushed by their full names, all platforms with their digest', async () => {
    skopeo('team/all:1.0', 'oci-archive:full.tar:quay.io/team/all:1.0');
    expect(await pushed('full.tar')).toEqual([['m/quay.io/team/all:1.0', digests.all]]);
  });

  it('without full names are pushed to the repository given with --as', async () => {
    skopeo('team/one:2.0', 'oci-archive:tag.tar:2.0');
    skopeo('team/one:2.0', 'oci-archive:bare.tar');
    await expect(pushed('tag.tar')).rejects.toMatchObject({
      code: 'unsupported',
      message: expect.stringMatching(/tag\.tar .*\(2\.0\)/),
      hint: expect.stringContaining('--as'),
    });
    await expect(pushed('bare.tar')).rejects.toMatchObject({ code: 'unsupported' });
    expect(await pushed('tag.tar', 'ghcr.io/team/tagged:9')).toEqual([['m/ghcr.io/team/tagged:2.0', digests.one]]);
    expect(await pushed('bare.tar', 'ghcr.io/team/bare:9')).toEqual([['m/ghcr.io/team/bare:9', digests.one]]);
  });

  it('of other formats are rejected with a hint', async () => {
    skopeo('team/one:2.0', 'docker-archive:docker.tar:quay.io/team/one:2.0');
    skopeo('team/all:1.0', 'oci:layout:1.0');
    run('gzip', '-k', 'docker.tar');
    await expect(pushed('docker.tar')).rejects.toThrow('docker save');
    await expect(pushed('docker.tar.gz')).rejects.toThrow('gzip');
    await expect(pushed('layout')).rejects.toMatchObject({ hint: expect.stringContaining('tar -cf') });
  });
});

describe('an archived umoci layout', () => {
  needs('skopeo', 'umoci');

  it('has a tag for each image, and gets one repository for all', async () => {
    skopeo('team/one:2.0', 'oci:umoci:2.0');
    run('umoci', 'tag', '--image', 'umoci:2.0', 'next');
    run('tar', '-cf', 'umoci.tar', '-C', 'umoci', '.');
    expect(await pushed('umoci.tar', 'quay.io/team/umoci')).toEqual([
      ['m/quay.io/team/umoci:2.0', digests.one],
      ['m/quay.io/team/umoci:next', digests.one],
    ]);
  });

  it('is pushed with a warning about unnamed images', async () => {
    skopeo('team/one:2.0', 'oci:mixed:quay.io/team/named:1');
    skopeo('team/all:1.0', 'oci:mixed:alone');
    run('tar', '-cf', 'mixed.tar', '-C', 'mixed', '.');
    const warnings: string[] = [];
    const listen = (event: AirgapEvent): void => {
      if (event.type === 'warning') warnings.push(event.message);
    };
    expect(await pushed('mixed.tar', undefined, listen)).toEqual([['m/quay.io/team/named:1', digests.one]]);
    expect(warnings).toEqual([expect.stringMatching(/mixed\.tar .*\(alone\).*--as/)]);
  });
});

const podman = (...args: string[]): string =>
  run('podman', '--root', join(home, 'storage'), '--runroot', join(home, 'run'), '--storage-driver', 'vfs', ...args);

function withoutPodman(): string | undefined {
  const missing = missingPrograms('podman');
  if (missing !== undefined) return missing;
  try {
    podman('info');
    return undefined;
  } catch (error) {
    return `podman does not run here: ${(error as Error).message.split('\n').at(-1)}`;
  }
}

describe('podman archives', () => {
  beforeEach(({ skip }) => {
    const missing = withoutPodman();
    skip(missing !== undefined, missing);
  });

  it('in OCI format have full names', async () => {
    podman('pull', '--quiet', '--tls-verify=false', `${registry.host}/team/one:2.0`);
    podman('save', '--quiet', '--format', 'oci-archive', '-o', 'podman.tar', `${registry.host}/team/one:2.0`);
    const [[name] = []] = (await pushed('podman.tar')) ?? [];
    expect(name).toBe(`m/${registry.host.replace(':', '-')}/team/one:2.0`);
  });
});
