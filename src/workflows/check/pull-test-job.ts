import { createHash } from 'node:crypto';
import { AirgapError } from '../../base/errors.ts';
import { compareText } from '../../base/text-order.ts';
import { yamlText } from '../../base/yaml-text.ts';
import { formatPlatform, type Platform } from '../../oci/platform.ts';
import { formatReference, formatRepository, type Reference } from '../../oci/reference.ts';
import { EXIT_PROGRAM_ARCHITECTURES, type ExitProgramArchitecture, exitProgram } from './exit-program.ts';

/** What the Jobs pull. */
export interface PullTestOptions {
  /** Images at the target. */
  readonly images: readonly Reference[];
  /** Platforms of the nodes. */
  readonly platforms: readonly Platform[];
  /** Pull secret of the Pods. Without one, the nodes' own credentials count. */
  readonly pullSecret?: { readonly name: string; readonly namespace?: string | undefined } | undefined;
}

/** Objects that pull images on nodes. */
export interface PullTest {
  /** YAML: a ConfigMap and the Jobs. */
  readonly manifest: string;
  readonly jobs: number;
  /** Images that they pull, one of each repository. */
  readonly images: readonly string[];
  readonly namespace?: string;
  /** Label selector of all objects and Pods. */
  readonly selector: string;
  /** Time after which a Job ends though images are not pulled. It then removes its Pods. */
  readonly seconds: number;
}

/** Value of the label of all objects and Pods. */
const PULL_TEST_NAME = 'airgap-pull-test';

/** Containers of a Pod. All run on one node, and their images must fit on its disk together. */
const CONTAINERS = 20;

/** Seconds. Large images take minutes. */
const DEADLINE = 900;

/** Seconds for which the Jobs can be read afterwards. */
const KEPT = 3600;

const FOLDER = '/airgap-pull-test';

const HEADER = `# Pulls one image of each repository with the rights of the nodes. No program of an image runs: each container runs
# a program of its own, which ends with exit code 0 and is in the ConfigMap. A Job is complete when all its images were pulled.
`;

/**
 * Returns Jobs that are complete when nodes have pulled one image of each repository.
 *
 * An image may have no program at all, and its own must not run. With a command that no image has, containerd ends the
 * container with StartError and CRI-O leaves it waiting (github.com/cri-o/cri-o/issues/9136), so that the Job fails though
 * everything was pulled. Therefore a ConfigMap brings a program along that needs nothing of the image: exit code 0 means
 * "pulled" for every runtime, and the Job says it by itself. On nodes that execute nothing in volumes (noexec), containers end
 * with StartError, which `check --pods` counts as pulled.
 * @throws AirgapError `unsupported` for other platforms than linux/amd64 and linux/arm64; `usage` without images
 */
export function pullTestJobs({ images, platforms, pullSecret }: PullTestOptions): PullTest {
  const references = oneOfEachRepository(images);
  if (references.length === 0) {
    throw new AirgapError('usage', 'there is no image to pull', { hint: 'name a chart that has images' });
  }
  const architectures = [...new Set(platforms.map(architectureOf))];
  const hash = createHash('sha256')
    .update(JSON.stringify([references, architectures, pullSecret]))
    .digest('hex');
  const name = `${PULL_TEST_NAME}-${hash.slice(0, 8)}`;
  const metadata = (suffix: string): object => ({
    name: `${name}${suffix}`,
    ...(pullSecret?.namespace !== undefined && { namespace: pullSecret.namespace }),
    labels: LABELS,
  });
  const program = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(''),
    binaryData: Object.fromEntries(
      architectures.map((architecture) => [
        `exit-${architecture}`,
        Buffer.from(exitProgram(architecture)).toString('base64'),
      ]),
    ),
  };
  const jobs = architectures.flatMap((architecture) =>
    chunksOf(references, CONTAINERS).map((chunk, index) => ({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: metadata(`-${architecture}-${index + 1}`),
      spec: jobSpec(chunk, { architecture, configMap: name, pullSecret: pullSecret?.name }),
    })),
  );
  return {
    manifest: `${HEADER}${[program, ...jobs].map((object) => yamlText(object)).join('---\n')}`,
    jobs: jobs.length,
    images: references,
    selector: `app.kubernetes.io/name=${PULL_TEST_NAME}`,
    seconds: DEADLINE,
    ...(pullSecret?.namespace !== undefined && { namespace: pullSecret.namespace }),
  };
}

/** `sidecar.istio.io/inject`: with a proxy beside it, a Job would not end. */
const LABELS = { 'app.kubernetes.io/name': PULL_TEST_NAME, 'sidecar.istio.io/inject': 'false' };

function jobSpec(
  images: readonly string[],
  {
    architecture,
    configMap,
    pullSecret,
  }: {
    readonly architecture: ExitProgramArchitecture;
    readonly configMap: string;
    readonly pullSecret: string | undefined;
  },
): object {
  return {
    backoffLimit: 0,
    activeDeadlineSeconds: DEADLINE,
    ttlSecondsAfterFinished: KEPT,
    template: {
      metadata: { labels: LABELS, annotations: { 'linkerd.io/inject': 'disabled' } },
      spec: {
        restartPolicy: 'Never',
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': architecture },
        ...(pullSecret !== undefined && { imagePullSecrets: [{ name: pullSecret }] }),
        // What the Pod security standard "restricted" demands. The user of an image may be root, or a name.
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 65534,
          runAsGroup: 65534,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: images.map((image, index) => ({
          name: `image-${index + 1}`,
          image,
          imagePullPolicy: 'Always',
          command: [`${FOLDER}/exit-${architecture}`],
          // That of an image may be closed to this user.
          workingDir: '/',
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
          resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { cpu: '100m', memory: '64Mi' } },
          volumeMounts: [{ name: 'program', mountPath: FOLDER, readOnly: true }],
        })),
        volumes: [{ name: 'program', configMap: { name: configMap, defaultMode: 0o555 } }],
      },
    },
  };
}

/** Returns the first image of each repository, in the order of their names: rights are given to repositories. */
function oneOfEachRepository(images: readonly Reference[]): string[] {
  const repositories = Map.groupBy(images, formatRepository);
  return [...repositories.values()]
    .map((group) => group.map(formatReference).sort(compareText)[0] as string)
    .sort(compareText);
}

function architectureOf(platform: Platform): ExitProgramArchitecture {
  const found = EXIT_PROGRAM_ARCHITECTURES.find((architecture) => architecture === platform.architecture);
  if (found !== undefined && platform.os === 'linux') return found;
  throw new AirgapError('unsupported', `--test-pod has no program for ${formatPlatform(platform)}`, {
    hint: 'choose nodes of linux/amd64 or linux/arm64 with --platform',
  });
}

function chunksOf<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
