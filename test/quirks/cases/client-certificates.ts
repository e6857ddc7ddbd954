import { selfSigned } from '../../support/certificate.ts';
import { authority } from '../fake/authority.ts';
import { image } from '../fake/content.ts';
import type { FakeRegistry } from '../fake/registry.ts';
import { quirk } from '../quirk.ts';
import type { Stage } from '../stage.ts';

const DOCKER = 'https://docs.docker.com/engine/security/certificates/';
const HELM = 'https://helm.sh/docs/helm/helm_registry_login/';

/** Starts a registry with team/app:1 that requires a client certificate. */
async function closed(stage: Stage): Promise<FakeRegistry> {
  const registry = await stage.fake({ wantsCertificate: true });
  registry.put('team/app', '1', image());
  stage.trust();
  return registry;
}

/** Files of a client certificate that the registry accepts. */
function pair(stage: Stage): { readonly cert: string; readonly key: string } {
  const { cert, key } = authority();
  return { cert: stage.file('client.pem', cert), key: stage.file('client-key.pem', key) };
}

quirk({
  id: 'proxy/registry-wants-a-client-certificate',
  weight: 'should',
  seenIn: 'private registries with mutual TLS (docker: certs.d/HOST/client.cert; helm: --cert-file)',
  source: `${DOCKER}, ${HELM}`,
  expected: 'fails at once, and names the client certificate',
  run: async (stage) => {
    const registry = await closed(stage);
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`);
    stage.fails(run, /certificate/i, { within: 20 });
  },
});
quirk({
  id: 'tls/client-certificate-by-flags',
  weight: 'must',
  seenIn: 'private registries with mutual TLS',
  source: HELM,
  expected: '--client-cert and --client-key HOST=FILE are used for that host, at bundle and at push',
  run: async (stage) => {
    const registry = await closed(stage);
    const { cert, key } = pair(stage);
    const args = ['--client-cert', `${registry.host}=${cert}`, '--client-key', `${registry.host}=${key}`];
    await stage.verifies(await stage.bundle(registry, `${registry.host}/team/app:1`, { args }));
    stage.succeeds(await stage.push('bundle.tar', `${registry.host}/m`, registry, { args }), 'push');
  },
});
quirk({
  id: 'tls/client-certificate-in-certs-d',
  weight: 'must',
  seenIn: 'docker (/etc/docker/certs.d), podman and skopeo (~/.config/containers/certs.d)',
  source: `${DOCKER}, https://github.com/containers/image/blob/main/docs/containers-certs.d.5.md`,
  expected: 'authority and client certificate of certs.d/HOST:PORT are used for that host',
  run: async (stage) => {
    const registry = await stage.fake({ wantsCertificate: true });
    registry.put('team/app', '1', image());
    const folder = `home/.config/containers/certs.d/${registry.host}`;
    const { ca, cert, key } = authority();
    stage.file(`${folder}/ca.crt`, ca);
    stage.file(`${folder}/client.cert`, cert);
    stage.file(`${folder}/client.key`, key);
    await stage.verifies(await stage.bundle(registry, `${registry.host}/team/app:1`));
  },
});
quirk({
  id: 'tls/client-key-does-not-fit',
  weight: 'should',
  seenIn: 'a key of another certificate',
  source: '-',
  expected: 'exit 2 with file and host, before any request',
  run: async (stage) => {
    const registry = await closed(stage);
    const { cert } = pair(stage);
    const other = stage.file('other-key.pem', selfSigned().key);
    const args = ['--client-cert', `${registry.host}=${cert}`, '--client-key', `${registry.host}=${other}`];
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`, { args });
    stage.fails(run, [/other-key\.pem/, new RegExp(registry.host)], { within: 15, code: 2 });
    stage.check(!/PRIVATE KEY/.test(run.text), 'it prints the key', run);
  },
});
quirk({
  id: 'tls/client-certificate-missing-file',
  weight: 'should',
  seenIn: 'a misspelt path',
  source: '-',
  expected: 'exit 2 with the file',
  run: async (stage) => {
    const registry = await closed(stage);
    const args = ['--client-cert', `${registry.host}=gone.pem`];
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`, { args });
    stage.fails(run, /gone\.pem/, { within: 15, code: 2 });
  },
});
quirk({
  id: 'tls/client-certificate-host-named-twice',
  weight: 'should',
  seenIn: 'flags of a script and of its caller',
  source: '-',
  expected: 'exit 2 with the host, no arbitrary choice',
  run: async (stage) => {
    const registry = await closed(stage);
    const { cert, key } = pair(stage);
    const one = ['--client-cert', `${registry.host}=${cert}`];
    const args = [...one, ...one, '--client-key', `${registry.host}=${key}`];
    const run = await stage.bundle(registry, `${registry.host}/team/app:1`, { args });
    stage.fails(run, new RegExp(registry.host), { within: 15, code: 2 });
  },
});
