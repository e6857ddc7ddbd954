import { Readable } from 'node:stream';
import type * as z from 'zod';
import { parseAuthFile } from '../../src/auth/auth-file.ts';
import { createAuthorizer } from '../../src/auth/authorizer.ts';
import { environmentKeychain } from '../../src/auth/environment-keychain.ts';
import { AirgapError } from '../../src/base/errors.ts';
import { isName } from '../../src/base/names.ts';
import { printableLine } from '../../src/base/printable.ts';
import { parseErrorBody, quoteErrorBody } from '../../src/http/error-body.ts';
import type { HttpResponse } from '../../src/http/exchange.ts';
import { nextLink } from '../../src/http/link-header.ts';
import { redirectTarget } from '../../src/http/redirects.ts';
import { pageTitle } from '../../src/http/web-page.ts';
import { type ListRequest, readList } from '../../src/mirantis/lists.ts';
import { refusalError } from '../../src/mirantis/refusals.ts';
import { accountSchema, memberSchema, repositorySchema, teamAccessSchema } from '../../src/mirantis/responses.ts';
import { isDigest } from '../../src/oci/digest.ts';
import { repositoryFromUrl } from '../../src/registry/api-url.ts';
import { listRepositories } from '../../src/registry/catalog.ts';
import { repositoryBelow } from '../../src/registry/dry-calls.ts';
import { errorFromBody } from '../../src/registry/errors.ts';
import { retryableRefusal } from '../../src/registry/refusals.ts';
import { createWarningReporter, type Session } from '../../src/registry/session.ts';
import { listTags } from '../../src/registry/tags.ts';
import { describeRateLimit, quotaOf, rateLimitOf } from '../../src/registry/throttling.ts';
import { parseHtpasswd } from '../../src/serve/htpasswd.ts';
import { parseRange } from '../../src/serve/range.ts';
import { parseRoute } from '../../src/serve/route.ts';
import { mutated, mutatedJson } from './mutate.ts';
import type { Target } from './targets.ts';

/** Maximum length of a message for people. */
const MESSAGE = 4000;

const request = { what: 'r.example/a/b:1', registry: 'r.example' };
const url = new URL('https://r.example/v2/a/b/manifests/1');

function answer(status: number, headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status, headers, url, body: undefined as never };
}

/** Checks that a displayed text is short and has no control characters. */
function checkShown(text: string): void {
  if (text.length > MESSAGE) throw new Error(`a message of ${text.length} characters`);
  if (printableLine(text) !== text) throw new Error(`not printable: ${JSON.stringify(text)}`);
}

function checkError(error: unknown): void {
  if (!(error instanceof AirgapError)) throw error;
  checkShown(error.message);
  checkShown(error.hint ?? '');
}

/** Parses lines as HTTP headers. */
function headersOf(bytes: Buffer): Record<string, string> {
  const lines = bytes.toString('latin1').split(/[\r\n\0]+/);
  return Object.fromEntries(
    lines.flatMap((line) => {
      const [, name, value] = /^([a-z-]+): *(.*)$/.exec(line) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

const complaints = [
  JSON.stringify({ errors: [{ code: 'DENIED', message: 'quota exceeded', detail: { a: [1] } }, { message: 'no' }] }),
  JSON.stringify({ error: { code: 404, message: 'not there' }, title: 'x', detail: 'y' }),
  '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>no &amp; no</Message></Error>',
  '<!doctype html><html><head><title>Log in</title><style>a{}</style></head><body><p>who &lt;are&gt; you</body></html>',
  'toomanyrequests: You have reached your pull rate limit.',
].map((text) => Buffer.from(text));

const limits = [
  'ratelimit-limit: 100;w=21600\nratelimit-remaining: 0;w=21600\nratelimit-reset: 1800000000\nretry-after: 60',
  'x-ratelimit-remaining: 0\nx-ratelimit-reset: 1800000000\nretry-after: Sun, 22 Nov 2026 16:00:00 GMT',
].map((text) => Buffer.from(text));

const CHALLENGE =
  'Bearer realm="https://r.example/token",service="r",scope="repository:a:pull repository:b:pull", Basic realm="x"';

/** Parsers of responses of registries and proxies, and of credential stores. */
/** Lists of accounts, teams and rights. */
const account = { id: 'i', name: 'ann', fullName: 'Ann', isOrg: false, isAdmin: true, isActive: true };
const repository = { namespace: 'a', name: 'b', visibility: 'public', immutableTags: true, longDescription: '# b' };
const accountLists: readonly { name: string; list: ListRequest<z.ZodType>; document: object }[] = [
  {
    name: 'accounts',
    list: { path: '/enzi/v0/accounts', what: 'accounts', field: 'accounts', schema: accountSchema },
    document: { accounts: [account, { name: 'b' }], nextPageStart: 'c' },
  },
  {
    name: 'members',
    list: { path: '/enzi/v0/accounts/a/members', what: 'members', field: 'members', schema: memberSchema },
    document: { members: [{ member: account, isAdmin: true }] },
  },
  {
    name: 'repositories',
    list: { path: '/api/v0/repositories', what: 'x', field: 'repositories', schema: repositorySchema },
    document: { repositories: [repository] },
  },
  {
    name: 'rights',
    list: { path: '/api/v0/repositories/a/b/teamAccess', what: 'x', field: 'teamAccessList', schema: teamAccessSchema },
    document: { teamAccessList: [{ accessLevel: 'admin', team: { id: 'i', clientUserIsMember: true } }] },
  },
];

/** Requests to `serve`: a target, and a header with a range. */
const served = [
  `/v2/a/manifests/v1?n=1 bytes=0-9`,
  `/v2/a/b/blobs/sha256%3A${'a'.repeat(64)} bytes=-5`,
  '/v2/a/tags/list?n=2&last=b bytes=1-',
  `/v2/a/referrers/sha256:${'a'.repeat(64)}?artifactType=a/b+c `,
  '/v2/_catalog ',
].map((text) => Buffer.from(text));

export const registryTargets: readonly Target[] = [
  {
    name: 'served request',
    seeds: served,
    bytes: mutated(served),
    runs: 2000,
    read: (bytes) => {
      const [target = '', range] = bytes.toString('latin1').split(' ');
      const route = parseRoute(target);
      if ('name' in route && !isName('repository', route.name)) throw new Error(`not a name: ${route.name}`);
      if ('digest' in route && !isDigest(route.digest)) throw new Error(`not a digest: ${route.digest}`);
      const found = parseRange(range, 100);
      if (found === undefined || found === 'unsatisfiable') return;
      if (!(found.start >= 0 && found.start < found.end && found.end <= 100)) throw new Error(`not a range: ${range}`);
    },
  },
  {
    name: 'htpasswd',
    seeds: [Buffer.from(`ann:$2y$05$${'a'.repeat(53)}\n# b\nbob:$2b$10$${'b'.repeat(53)}`)],
    bytes: mutated([Buffer.from(`ann:$2y$05$${'a'.repeat(53)}\n# b\nbob:$2b$10$${'b'.repeat(53)}`)]),
    runs: 1000,
    read: (bytes) => {
      try {
        parseHtpasswd(bytes.toString('utf8'), 'users');
      } catch (error) {
        checkError(error);
      }
    },
  },
  {
    name: 'complaint',
    seeds: complaints,
    bytes: mutated(complaints),
    runs: 2000,
    read: (bytes) => {
      const complaint = parseErrorBody(bytes);
      checkShown(quoteErrorBody(complaint, true));
      for (const status of [400, 401, 403, 404, 413, 429, 500]) {
        retryableRefusal(status, complaint);
        checkError(errorFromBody(answer(status), complaint, { ...request, writes: true }));
      }
      pageTitle(bytes.toString());
    },
  },
  {
    name: 'complaint-json',
    seeds: complaints.slice(0, 1),
    bytes: mutatedJson(JSON.parse(String(complaints[0]))),
    runs: 1000,
    read: (bytes) => checkShown(quoteErrorBody(parseErrorBody(bytes), true)),
  },
  {
    name: 'rate-limit',
    seeds: limits,
    bytes: mutated(limits),
    runs: 2000,
    read: (bytes) => {
      const response = answer(429, headersOf(bytes));
      const { wait = 0 } = rateLimitOf(response.headers, Date.now());
      if (!(wait >= 0)) throw new Error(`a wait of ${wait}`);
      const { size, end } = describeRateLimit(response, Date.now());
      checkShown(`${size}${end}`);
      const { remaining = 0, limit = 0, seconds = 0 } = quotaOf('r.example', response) ?? {};
      if (![remaining, limit, seconds].every(Number.isSafeInteger)) throw new Error('no whole numbers');
    },
  },
  {
    name: 'warnings',
    seeds: [Buffer.from('299 - "deprecated, see \\"https://r.example\\""')],
    bytes: mutated([Buffer.from('299 - "deprecated, see \\"https://r.example\\""')]),
    runs: 2000,
    read: (bytes) => {
      const tell = createWarningReporter((event) => event.type === 'warning' && checkShown(event.message));
      tell('r.example', answer(200, { warning: bytes.toString('latin1') }));
    },
  },
  {
    name: 'location',
    seeds: [Buffer.from('https://s.example:5000/v2/org/b/manifests/1?x=y#z')],
    bytes: mutated([Buffer.from('https://s.example:5000/v2/org/b/manifests/1?x=y#z')]),
    runs: 2000,
    read: (bytes) => {
      try {
        const next = redirectTarget(answer(307, { location: bytes.toString('latin1') }), { method: 'GET', what: 'a' });
        if (next === undefined) return;
        if (next.protocol !== 'https:') throw new Error(`led to ${next.protocol}`);
        const found = repositoryFromUrl(next);
        if (found !== undefined && !next.pathname.startsWith(`/v2/${found.path}/`)) throw new Error('another path');
      } catch (error) {
        checkError(error);
      }
    },
  },
  {
    name: 'authorizer',
    seeds: [Buffer.from(CHALLENGE)],
    bytes: mutated([Buffer.from(CHALLENGE)]),
    runs: 1000,
    read: async (bytes) => {
      const authorizer = createAuthorizer({
        keychain: { lookup: async () => ({ kind: 'basic', username: 'u', password: 'p' }) },
        exchange: async ({ url: { protocol } }) => {
          if (!/^https?:$/.test(protocol)) throw new Error(`a token server at ${protocol}`);
          return { status: 200, text: '{"token":"t"}' };
        },
        now: () => 0,
      });
      const access = { registry: 'r.example', path: 'a', origin: 'https://r.example', scopes: ['repository:a:pull'] };
      const header = bytes.toString('latin1');
      await authorizer.renew(access, header, undefined);
      const refusal = await authorizer.explain(access, { status: 401, wwwAuthenticate: header, sent: undefined });
      checkError(new AirgapError('unauthorized', refusal.message, { hint: refusal.hint }));
    },
  },
  {
    name: 'tags-list',
    seeds: [Buffer.from('{"name":"a/b","tags":["v1","v2"]}')],
    bytes: mutated([Buffer.from('{"name":"a/b","tags":["v1","v2"]}')]),
    runs: 1000,
    read: async (bytes) => {
      const session = { read: async () => ({ response: answer(200), bytes }) } as unknown as Session;
      const tags = await listTags(session, { registry: 'r.example', path: 'a/b' });
      for (const tag of tags ?? []) if (typeof tag !== 'string') throw new Error('a tag that is no text');
    },
  },
  {
    name: 'catalogue',
    seeds: [Buffer.from('{"repositories":["a/b","c"]}')],
    bytes: mutated([Buffer.from('{"repositories":["a/b","c"]}')]),
    runs: 1000,
    read: async (bytes) => {
      const session = { read: async () => ({ response: answer(200), bytes }) } as unknown as Session;
      const { names } = await listRepositories(session, 'r.example');
      for (const name of names) if (!isName('repository', name)) throw new Error('not a valid name');
    },
  },
  {
    name: 'first repositories',
    seeds: [Buffer.from('{"repositories":["a/b","c"]}')],
    bytes: mutated([Buffer.from('{"repositories":["a/b","c"]}')]),
    runs: 1000,
    read: async (bytes) => {
      const session = { send: async () => ({ ...answer(200), body: Readable.from([bytes]) }) } as unknown as Session;
      const name = await repositoryBelow(session, { registry: 'r.example', path: '' });
      if (name !== undefined && !isName('repository', name)) throw new Error('not a valid name');
    },
  },
  ...accountLists.map(
    ({ name, list, document }): Target => ({
      name: `mirantis-${name}`,
      seeds: [Buffer.from(JSON.stringify(document))],
      bytes: mutatedJson(document),
      runs: 300,
      read: async (bytes) => {
        const page = { response: answer(200, { 'x-next-page-start': bytes.subarray(0, 5).toString('latin1') }), bytes };
        const last = { response: answer(200), bytes: Buffer.from('{}') };
        const pages = [page, { ...page, response: answer(200) }, last];
        const api = {
          registry: 'r.example',
          find: async () => pages.shift(),
          send: async () => page,
          user: async () => 'me',
        };
        const credential = { kind: 'basic', username: 'me', password: 'geheim' } as const;
        checkError(refusalError({ registry: 'r.example', what: 'x', response: answer(400), bytes, credential }));
        try {
          await readList(api, list);
        } catch (error) {
          checkError(error);
          throw error;
        }
      },
    }),
  ),
  {
    name: 'link-header',
    seeds: [Buffer.from('</v2/a/b/tags/list?last=v1&n=1>; rel="next", <b>; title="x"; rel=prev')],
    bytes: mutated([Buffer.from('</v2/a/b/tags/list?last=v1&n=1>; rel="next", <b>; title="x"; rel=prev')]),
    runs: 1000,
    read: (bytes) => nextLink(answer(200, { link: bytes.toString('latin1') })),
  },
  {
    name: 'auth-variable',
    seeds: [Buffer.from('{"auths":{"r.example":{"auth":"dTpw"}},"credHelpers":{"a":"b"}}')],
    bytes: mutatedJson({ auths: { 'r.example': { auth: 'dTpw' } }, credHelpers: { a: 'b' }, credsStore: 'c' }),
    runs: 1000,
    read: (bytes) => parseAuthFile(bytes.toString('utf8'), 'DOCKER_AUTH_CONFIG'),
  },
  {
    name: 'login-variables',
    seeds: [Buffer.from('r.example:5000')],
    bytes: mutated([Buffer.from('r.example:5000'), Buffer.from('a-b.example'), Buffer.from('[::1]:5000')]),
    runs: 1000,
    read: async (bytes) => {
      const host = bytes.toString('utf8');
      const env = { AIRGAP_AUTH_R_EXAMPLE_5000_USERNAME: 'u', AIRGAP_AUTH_R_EXAMPLE_5000_PASSWORD: 'p' };
      const found = await environmentKeychain(env, []).lookup(host);
      if (found === undefined) return;
      // Other tools store names with `http://` before and `/` after them.
      const bare = host
        .toLowerCase()
        .replace(/^https?:\/\//, '')
        .replace(/\/+$/, '')
        .replace(/\/v[12]$/, '');
      if (!/^r\.example[.:]5000$/.test(bare)) throw new Error(`the login of r.example:5000 for ${host}`);
    },
  },
];
