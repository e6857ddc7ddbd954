import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parsePlatform } from '../../../../src/oci/platform.ts';
import { parseReference } from '../../../../src/oci/reference.ts';
import { exitProgram } from '../../../../src/workflows/check/exit-program.ts';
import { type PullTestOptions, pullTestJobs } from '../../../../src/workflows/check/pull-test-job.ts';

const REGISTRY = 'registry.example/m';

interface Container {
  readonly image: string;
  readonly command: readonly string[];
}
interface Parsed {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly binaryData?: Readonly<Record<string, string>>;
  readonly spec: {
    readonly backoffLimit: number;
    readonly template: {
      readonly spec: Readonly<Record<string, unknown>> & { readonly containers: readonly Container[] };
    };
  };
}

function testOf(images: readonly string[], options: Partial<PullTestOptions> = {}) {
  const platforms = [parsePlatform('linux/amd64')];
  const result = pullTestJobs({ images: images.map(parseReference), platforms, ...options });
  const [program, ...jobs] = parseAllDocuments(result.manifest).map((document) => document.toJS() as Parsed);
  return { ...result, program: program as Parsed, jobObjects: jobs };
}

describe('a pull test', () => {
  it('pulls one image of each repository, always the same', () => {
    const images = [`${REGISTRY}/b:2`, `${REGISTRY}/a:1`, `${REGISTRY}/b:1`, `${REGISTRY}/b@sha256:${'1'.repeat(64)}`];
    const { manifest, jobObjects, ...result } = testOf(images);
    expect(result.images).toEqual([`${REGISTRY}/a:1`, `${REGISTRY}/b:1`]);
    expect(jobObjects.flatMap(({ spec }) => spec.template.spec.containers.map(({ image }) => image))).toEqual(
      result.images,
    );
    expect(testOf(images.toReversed()).manifest).toBe(manifest);
  });

  it('runs no program of an image, and needs no rights', () => {
    const { program, jobObjects } = testOf([`${REGISTRY}/a:1`]);
    const [job] = jobObjects;
    expect(program.binaryData).toEqual({ 'exit-amd64': Buffer.from(exitProgram('amd64')).toString('base64') });
    expect(job?.spec).toMatchObject({
      backoffLimit: 0,
      activeDeadlineSeconds: expect.any(Number),
      ttlSecondsAfterFinished: expect.any(Number),
      template: {
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
          securityContext: { runAsNonRoot: true, runAsUser: 65534, seccompProfile: { type: 'RuntimeDefault' } },
          volumes: [{ name: 'program', configMap: { name: program.metadata.name, defaultMode: 0o555 } }],
        },
      },
    });
    expect(job?.spec.template.spec.imagePullSecrets).toBeUndefined();
    expect(job?.spec.template.spec.containers).toEqual([
      expect.objectContaining({
        imagePullPolicy: 'Always',
        command: ['/airgap-pull-test/exit-amd64'],
        workingDir: '/',
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
        volumeMounts: [{ name: 'program', mountPath: '/airgap-pull-test', readOnly: true }],
      }),
    ]);
  });

  it('has the pull secret in its namespace', () => {
    const { program, jobObjects, namespace } = testOf([`${REGISTRY}/a:1`], {
      pullSecret: { name: 'regcred', namespace: 'apps' },
    });
    expect([program, ...jobObjects].map(({ metadata }) => metadata.namespace)).toEqual(['apps', 'apps']);
    expect(jobObjects[0]?.spec.template.spec.imagePullSecrets).toEqual([{ name: 'regcred' }]);
    expect(namespace).toBe('apps');
  });

  it('has Jobs of at most 20 images for each platform, with distinct names that Kubernetes accepts', () => {
    const images = Array.from({ length: 41 }, (_, index) => `${REGISTRY}/app-${index}:1`);
    const platforms = ['linux/amd64', 'linux/arm64/v8', 'linux/arm64'].map(parsePlatform);
    const { jobs, jobObjects, program } = testOf(images, { platforms });
    expect(jobs).toBe(6);
    const sizes = jobObjects.map(({ spec }) => spec.template.spec.containers.length);
    expect(sizes).toEqual([20, 20, 1, 20, 20, 1]);
    const names = [program, ...jobObjects].map(({ metadata }) => metadata.name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z0-9-]{1,52}$/);
    expect(Object.keys(program.binaryData ?? {})).toEqual(['exit-amd64', 'exit-arm64']);
    expect(testOf(images.slice(1), { platforms }).program.metadata.name).not.toBe(program.metadata.name);
  });

  it('needs images, and nodes for which it has a program', () => {
    expect(() => testOf([])).toThrow(expect.objectContaining({ code: 'usage' }));
    for (const platform of ['linux/s390x', 'linux/arm/v7', 'windows/amd64']) {
      expect(() => testOf([`${REGISTRY}/a:1`], { platforms: [parsePlatform(platform)] })).toThrow(
        expect.objectContaining({ code: 'unsupported', message: expect.stringContaining(platform) }),
      );
    }
  });
});
