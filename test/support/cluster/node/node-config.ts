import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../digest.ts';
import { tarOf } from '../../tar.ts';

/** Addresses of documentation and benchmarks (RFC 5737, RFC 2544): on no machine a real one. */
export const NODE = '192.0.2.10';
export const OUT = '192.0.2.254';
export const SERVICES = '198.19.0.0/16';
export const API_SERVICE = '198.19.0.1';
const PODS = '198.18.0.0/16';

/** The private registry, under a name for which the node has no credentials, and one for which it has. */
export const REGISTRY = 'registry.airgap.test:5000';
export const NODE_REGISTRY = 'node.airgap.test:5000';
export const LOGIN = { username: 'user', password: 'geheim123' };
/** bcrypt of the password, cost 5. */
const HTPASSWD = 'user:$2y$05$abcdefghijklmnopqrstuufKZMm/0imsDKw8jZuKJnEUT4r4H55gi\n';

/** Writes the configuration of all programs of the node to FOLDER/config. JSON is YAML. */
export function writeNodeConfig(
  folder: string,
  name: string,
  programs: { readonly kubernetes: string; readonly runtime: string },
): void {
  const config = join(folder, 'config');
  for (const path of ['config', 'log', 'state', 'bin', 'credential-providers', 'state/containers']) {
    mkdirSync(join(folder, path), { recursive: true });
  }
  const write = (file: string, content: unknown, mode = 0o644): void =>
    writeFileSync(join(config, file), typeof content === 'string' ? content : JSON.stringify(content), { mode });
  write('10-bridge.conflist', {
    cniVersion: '0.4.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        ipam: { type: 'host-local', ranges: [[{ subnet: PODS }]], routes: [{ dst: '0.0.0.0/0' }] },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  });
  write('containerd.toml', containerdConfig(programs.runtime));
  for (const host of [REGISTRY, NODE_REGISTRY]) trustRegistry(folder, join(config, 'certs.d'), host);
  const { username, password } = LOGIN;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  write('docker-config.json', { auths: { [NODE_REGISTRY]: { auth } } }, 0o600);
  write('htpasswd', HTPASSWD);
  write('registry.json', {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(folder, 'state/registry') }, delete: { enabled: true } },
    http: {
      addr: `${NODE}:5000`,
      secret: 'x',
      tls: { certificate: join(folder, 'pki/registry.crt'), key: join(folder, 'pki/registry.key') },
    },
    auth: { htpasswd: { realm: 'airgap', path: join(config, 'htpasswd') } },
  });
  write('kubelet.json', {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: false },
      x509: { clientCAFile: join(folder, 'pki/ca.crt') },
    },
    authorization: { mode: 'AlwaysAllow' },
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${name}`,
    failSwapOn: false,
    failCgroupV1: false,
    clusterDNS: [NODE],
    clusterDomain: 'cluster.local',
    containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
    resolvConf: '/etc/resolv.conf',
    maxPods: 250,
    serializeImagePulls: false,
    maxParallelImagePulls: 4,
    evictionHard: { 'memory.available': '100Mi' },
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    enforceNodeAllocatable: ['pods'],
    syncFrequency: '10s',
    nodeStatusReportFrequency: '1m',
    registryPullQPS: 0,
    eventRecordQPS: 0,
  });
  write('kube-proxy.json', {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    mode: 'iptables',
    clusterCIDR: PODS,
    clientConnection: { kubeconfig: join(folder, 'admin.conf') },
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    hostnameOverride: 'inside',
    metricsBindAddress: '127.0.0.1:10249',
  });
  write('credential-providers.json', {
    apiVersion: 'kubelet.config.k8s.io/v1',
    kind: 'CredentialProviderConfig',
    providers: [
      {
        name: 'ecr-credential-provider',
        apiVersion: 'credentialprovider.kubelet.k8s.io/v1',
        // As on EKS.
        matchImages: ['*.dkr.ecr.*.amazonaws.com'],
        defaultCacheDuration: '0s',
      },
    ],
  });
  writeFileSync(join(config, 'pause.tar'), pauseImage());
  writeFileSync(join(folder, 'private-names'), 'airgap.test\n');
  // The kubelet wants the program at its start; a test that uses it writes what it executes.
  const provider = `#!/bin/sh\nexec ${folder}/bin/ecr-credential-provider "$@"\n`;
  writeFileSync(join(folder, 'credential-providers/ecr-credential-provider'), provider, { mode: 0o755 });
  symlinkSync(programs.kubernetes, join(folder, 'bin/kubectl'));
}

/** Writes the hosts.toml by which containerd trusts the private CA for a registry. */
export function trustRegistry(folder: string, certificates: string, host: string): void {
  mkdirSync(join(certificates, host), { recursive: true });
  const lines = [
    `server = "https://${host}"`,
    `[host."https://${host}"]`,
    `  ca = "${folder}/pki/registry-ca.crt"`,
    '  capabilities = ["pull", "resolve"]',
  ];
  writeFileSync(join(certificates, host, 'hosts.toml'), `${lines.join('\n')}\n`);
}

function containerdConfig(runtime: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"
[${cri}]
  sandbox_image = "${REGISTRY}/pause:1"
  max_concurrent_downloads = 4
  disable_tcp_service = true
  # Without CAP_SYS_RESOURCE the sandbox's -998 cannot be set, and runc says "can't get final child's PID from pipe: EOF".
  restrict_oom_score_adj = true
  [${cri}.containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        BinaryName = "${runtime}"
        SystemdCgroup = false
  [${cri}.cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/etc/cni/net.d"
  [${cri}.registry]
    config_path = "/etc/containerd/certs.d"
`;
}

/** A docker archive of an image without any program: the runtime puts its own there. */
function pauseImage(): Buffer {
  const layer = tarOf([{ path: 'pause', content: '' }]);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'amd64',
      os: 'linux',
      config: { Entrypoint: ['/pause-stand-in'], User: '65532' },
      created: '2026-01-01T00:00:00Z',
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      history: [{ created: '2026-01-01T00:00:00Z' }],
    }),
  );
  const name = `${digestOf(config).replace('sha256:', '')}.json`;
  const manifest = JSON.stringify([{ Config: name, RepoTags: [`${REGISTRY}/pause:1`], Layers: ['layer.tar'] }]);
  return tarOf([
    { path: name, content: config },
    { path: 'layer.tar', content: layer },
    { path: 'manifest.json', content: manifest },
  ]);
}
