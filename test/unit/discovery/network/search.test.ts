import { describe, expect, test } from 'vitest';
import { configMap, job, list, needs, script } from '../../../support/discovery/network-needs.ts';

describe('a need', () => {
  test('has every location, with line, hook and command line without secrets', () => {
    const text = 'set -e\ncurl -H "Authorization: token SECRET123" \\\n  https://acme.dev/x\n';
    const hook = { annotations: { 'helm.sh/hook': 'pre-install' } };
    const [need, ...others] = needs(job({ command: ['sh', '-c', text] }, hook), script('wget https://acme.dev/x'));
    expect(others).toEqual([]);
    expect(need).toMatchObject({ url: 'https://acme.dev/x', kind: 'download' });
    expect(need?.found).toEqual([
      {
        chart: 'app',
        profile: 'default',
        template: 'app/templates/t0.yaml',
        document: 0,
        kind: 'Job',
        name: 'j',
        path: 'spec.template.spec.containers[0].command[2]',
        within: 'line 3',
        hook: 'pre-install',
        evidence: 'curl -H *** https://acme.dev/x',
      },
      expect.objectContaining({
        path: 'spec.template.spec.containers[0].args[0]',
        evidence: 'wget https://acme.dev/x',
      }),
    ]);
  });
});

describe('containers', () => {
  test('commands as lists, each address at its own word', () => {
    const found = needs(job({ command: ['kubectl', 'apply', '-f', 'https://a.dev/1', '--filename=https://a.dev/2'] }));
    expect(found.map(({ url, found: [location] }) => [url, location?.path])).toEqual([
      ['https://a.dev/1', 'spec.template.spec.containers[0].command[3]'],
      ['https://a.dev/2', 'spec.template.spec.containers[0].command[4]'],
    ]);
  });

  test("arguments without a command are those of the image's entrypoint", () => {
    expect(list(job({ image: 'docker.io/bitnami/kubectl:1', args: ['apply', '-f', 'https://a.dev/1'] }))).toEqual([
      'download https://a.dev/1',
    ]);
    expect(list(job({ image: 'docker.io/acme/api:1', args: ['--issuer', 'https://a.dev/1'] }))).toEqual([]);
  });

  test('hooks and probes', () => {
    const exec = { command: ['sh', '-c', 'curl https://a.dev/1'] };
    expect(needs(job({ lifecycle: { postStart: { exec } } }))[0]?.found[0]?.path).toBe(
      'spec.template.spec.containers[0].lifecycle.postStart.exec.command[2]',
    );
    expect(list(job({ livenessProbe: { exec } }))).toEqual(['download https://a.dev/1']);
  });

  test("Grafana's plugins, from a ConfigMap too", () => {
    const valueFrom = { configMapKeyRef: { name: 'c', key: 'plugins' } };
    expect(
      list(
        configMap({ plugins: 'grafana-piechart-panel,acme-panel 1.2.1,https://a.dev/p.zip;p-app' }),
        job({ env: [{ name: 'GF_INSTALL_PLUGINS', valueFrom }] }),
        job({ env: [{ name: 'GF_PLUGINS_PREINSTALL', value: 'x-app@2.0@,y-app' }] }),
      ),
    ).toEqual([
      'plugin https://a.dev/p.zip',
      'plugin https://grafana.com/api/plugins/acme-panel/versions/1.2.1/download',
      'plugin https://grafana.com/api/plugins/grafana-piechart-panel',
      'plugin https://grafana.com/api/plugins/x-app/versions/2.0/download',
      'plugin https://grafana.com/api/plugins/y-app',
    ]);
  });

  test('Git sources by variable, by flag and by URL', () => {
    const image = 'registry.k8s.io/git-sync/git-sync:v4';
    expect(list(job({ image, args: ['--repo=https://github.com/acme/one'] }))).toEqual([
      'git https://github.com/acme/one',
    ]);
    expect(list(job({ env: [{ name: 'GITSYNC_REPO', value: 'https://github.com/acme/two' }] }))).toEqual([
      'git https://github.com/acme/two',
    ]);
    expect(list(job({ env: [{ name: 'X', value: 'git@github.com:acme/three.git' }] }))).toEqual([
      'git ssh://github.com/acme/three.git',
    ]);
    expect(list(job({ args: ['--repo=https://github.com/acme/one'] }))).toEqual([]);
  });

  test('models, by their own flags and by the server that reads them', () => {
    expect(list(job({ args: ['--model-id', 'BAAI/bge-m3'] }))).toEqual(['model https://huggingface.co/BAAI/bge-m3']);
    expect(list(job({ image: 'vllm/vllm-openai:v1', args: ['--model=acme/m'] }))).toEqual([
      'model https://huggingface.co/acme/m',
    ]);
    expect(list(job({ args: ['--model=acme/m', '--model-id', '/data/model'] }))).toEqual([]);
  });

  test('archives, and no other URL', () => {
    const env = [
      { name: 'AGENT', value: 'https://github.com/acme/a/releases/download/v1/a.jar' },
      { name: 'API', value: 'https://api.github.com' },
      { name: 'ISSUER', value: 'https://login.acme.dev/oauth2/token' },
      { name: 'SITE', value: 'https://acme.dev/index.html' },
      { name: 'INSIDE', value: 'http://files.default.svc/a.jar' },
    ];
    expect(list(job({ env }))).toEqual(['download https://github.com/acme/a/releases/download/v1/a.jar']);
  });
});

describe('ConfigMaps and Secrets', () => {
  test('scripts with variables of any container of the render', () => {
    expect(
      list(configMap({ 'run.sh': 'curl "$SOURCE/x"' }), job({ env: [{ name: 'SOURCE', value: 'https://acme.dev' }] })),
    ).toEqual(['download https://acme.dev/x']);
  });

  test('in base64', () => {
    const data = { init: Buffer.from('#!/bin/sh\ngit clone https://github.com/acme/x\n').toString('base64') };
    const secret = JSON.stringify({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' }, data });
    expect(needs(secret)[0]?.found[0]).toMatchObject({ path: 'data.init', within: 'base64 > line 2' });
  });

  test("Grafana's dashboards by number and by address", () => {
    const text = '#!/usr/bin/env sh\ncurl -skf \\\n "https://raw.acme.dev/d.json" \\\n > "/x/d.json"\n';
    expect(list(configMap({ 'download_dashboards.sh': text }))).toEqual(['dashboard https://raw.acme.dev/d.json']);
  });

  test("Jenkins' plugins, where Jenkins installs them", () => {
    const plugins = 'git:5.1.0\n# no\nmatrix-auth\n';
    expect(list(configMap({ 'plugins.txt': plugins, 'a.sh': 'jenkins-plugin-cli --plugin-file plugins.txt' }))).toEqual(
      [
        'plugin https://updates.jenkins.io/download/plugins/git/5.1.0/git.hpi',
        'plugin https://updates.jenkins.io/latest/matrix-auth.hpi',
      ],
    );
    expect(list(configMap({ 'plugins.txt': plugins }))).toEqual([]);
  });

  test('manifests and pod templates inside', () => {
    const template = 'spec:\n  initContainers:\n  - name: i\n    command: [wget, "https://acme.dev/x"]\n';
    expect(list(configMap({ 'pod.yaml': template }))).toEqual(['download https://acme.dev/x']);
  });

  test.each([
    ['dashboards that are there already', { 'd.json': '{"gnetId": 1860, "title": "curl https://acme.dev/x"}' }],
    ['text for people', { 'README.md': 'curl https://acme.dev/x', NOTES: 'helm repo add a https://acme.dev' }],
    ['alerts', { 'rules.yaml': 'groups:\n- name: a\n  summary: run kubectl apply -f https://acme.dev/x\n' }],
    ['endpoints', { 'c.yaml': 'slack:\n  url: https://hooks.slack.com/services/x\n  docs: "wget https://acme.dev"\n' }],
    ['configuration of other programs', { 'nginx.conf': "# don't\nproxy_pass https://acme.dev/x.zip;" }],
  ])('not %s', (_name, data) => {
    expect(list(configMap(data as Record<string, string>))).toEqual([]);
  });
});

test('schemas and annotations are not evidence', () => {
  expect(
    list(
      'apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  command: curl https://acme.dev/x\n',
      job({}, { annotations: { script: 'curl https://acme.dev/x', repo: 'https://github.com/acme/x.git' } }),
    ),
  ).toEqual([]);
});
