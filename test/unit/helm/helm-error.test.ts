import { describe, expect, it } from 'vitest';
import { helmError } from '../../../src/helm/helm-error.ts';

describe('refusal', () => {
  it("keeps Helm's complete message without its warnings", () => {
    const stderr =
      'WARNING: Kubernetes configuration file is group-readable.\nlevel=WARN msg="x"\nError: execution error at (web/x.yaml:1:2): set it:\n  a: b\n\nUse --debug flag to render out invalid YAML\n';
    const { message } = helmError('render chart web 1.0.0', stderr);
    expect(message).toMatch(/render chart web 1\.0\.0: execution error at \(web\/x\.yaml:1:2\): set it:\n {2}a: b$/);
    expect(message).not.toMatch(/WARN|--debug/);
  });

  it('names the action when Helm prints nothing', () => {
    expect(helmError('render chart web', '').message).toMatch(/render chart web: \S/);
    expect(helmError('fetch chart web', '', 'chart-not-found')).toMatchObject({
      code: 'chart-not-found',
      hint: expect.stringContaining('--repo'),
    });
  });

  it.each([
    ['letters', 'a'.repeat(300_000)],
    ['schemes', 'a+b.c-'.repeat(50_000)],
    ['functions', 'function "'.repeat(30_000)],
    ['switches', 'a.b= '.repeat(60_000)],
    ['lines', 'x\n'.repeat(150_000)],
  ])('handles 300,000 characters of %s within a second', (_, text) => {
    const started = performance.now();
    const error = helmError('render chart web', `Error: execution error at (web/x.yaml:1:2): ${text} the end\n`);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(error.code).toBe('chart-render');
    expect(error.message.length).toBeLessThan(70_000);
    expect(error.message.endsWith('the end')).toBe(true);
  });

  it.each([
    ['fetch chart oci://r.example:5000/charts/web 1.0.0', 'helm airgap login r.example:5000;'],
    ['fetch chart web from https://user:geheim@c.example/charts', 'helm airgap login c.example;'],
    ['fetch chart web', 'helm airgap login HOST;'],
  ])('names the host to log in to: %s', (action, login) => {
    const { hint } = helmError(action, 'Error: 401 Unauthorized', 'chart-not-found');
    expect(hint).toContain(login);
    expect(hint).not.toContain('geheim');
  });

  it.each([
    ['a line number', 'execution error at (web/templates/x.yaml:401:3): a value is needed', 'chart-render'],
    [
      'words of a chart about access',
      'execution error at (web/x.yaml:3:3): access denied: 403 forbidden',
      'chart-render',
    ],
    [
      'words of a template about a missing thing',
      'template: web/x.yaml:3:3: executing "web/x.yaml" at <index>: k not found',
      'chart-render',
    ],
    ['a version', 'chart "web" version "1.401.0" not found in https://c.example repository', 'chart-not-found'],
    ['a port', 'Get "http://127.0.0.1:403/index.yaml": dial tcp 127.0.0.1:403: connect: connection refused', 'network'],
  ])('does not mistake %s for a response of a server', (_, message, code) => {
    expect(helmError('do it', `Error: ${message}\n`).code).toBe(code);
  });

  it.each([
    ['failed to fetch https://c.example/index.yaml : 401 Unauthorized', 'unauthorized', 'helm airgap login'],
    ['pull access denied', 'unauthorized', 'helm airgap login'],
    ['GET "https://r.example/v2/": basic credential not found', 'unauthorized', 'helm airgap login'],
    ['GET "https://r.example/v2/a/tags/list": credential required for basic auth', 'unauthorized', '--username'],
    ['GET "http://r.example/v2/a/tags/list": unexpected status code 400: Bad Request', 'network', '--plain-http'],
    ['GET "http://r.example/v2/a/manifests/1": response status code 400: Bad Request', 'network', '--plain-http'],
    ['unexpected status from HEAD request to https://r.example/v2/a: 400 Bad Request', 'network', '--client-cert'],
    ['response status code 403', 'unauthorized', 'helm airgap login'],
    ['Get "https://c.example": dial tcp: lookup c.example: no such host', 'network', 'HTTPS_PROXY'],
    [
      'Get "https://c.example": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      'network',
      '--ca-file',
    ],
    ['Get "https://r.example/v2/": remote error: tls: certificate required', 'network', '--client-cert'],
    ['failed to fetch https://c.example/web-1.0.0.tgz : 404 Not Found', 'chart-not-found', '--version'],
    ['open site.yaml: no such file or directory', 'usage', '--set'],
    ['open site.yaml: permission denied', 'usage', '--set'],
    ['open file/none: not a directory', 'usage', '--set'],
    ['open loop.yaml: too many levels of symbolic links', 'usage', '--set'],
    ['failed parsing --set data: key "foo" has no value', 'usage', '--set'],
  ])('gives a hint for: %s', (message, code, hint) => {
    expect(helmError('do it', `Error: ${message}\n`)).toMatchObject({ code, hint: expect.stringContaining(hint) });
  });
});
