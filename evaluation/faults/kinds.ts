import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  answer,
  answerLost,
  cut,
  cutTunnel,
  cutUpload,
  drip,
  dripIn,
  endsWith,
  expire,
  expired,
  headLength,
  late,
  length,
  lie,
  nothingStored,
  obstructed,
  otherDigest,
  partial,
  redirect,
  refuseRange,
  reset,
  spoil,
  spoilUpload,
  stall,
  stallBody,
  stallUpload,
  taken,
  takenBySame,
  trickle,
} from './injections.ts';
import {
  any,
  hasBody,
  isAnswered,
  isApi,
  isBlob,
  isContent,
  isHead,
  isManifestWrite,
  isMount,
  isReferrers,
  isSession,
  isTag,
  isToken,
  isVerifiable,
  type Kind,
  make,
  repositoryOf,
  sends,
  stores,
} from './kind.ts';

/** docker-registry's error when its disk is full. */
const FULL = {
  code: 'UNKNOWN',
  message: 'unknown error',
  detail: { DriverName: 'filesystem', Enclosed: { Op: 'write', Path: '/data', Err: 28 } },
};
const FOR_EVER = Number.POSITIVE_INFINITY;
const GATEWAY = '<html><body><h1>502 Bad Gateway</h1></body></html>';

const PAGE = '<!DOCTYPE html><html><head><title>Log in</title></head></html>';
const UNKNOWN_BLOB = { code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob unknown to registry' };
/** Docker Hub's answer when the pull limit of six hours is used up. */
const PULL_LIMIT = {
  code: 'TOOMANYREQUESTS',
  headers: { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': '0;w=21600' },
};

const harmless = (...[row, variant, reach, applies, inject]: Parameters<typeof make>): Kind => ({
  ...make(row, variant, reach, applies, inject),
  harmless: true,
});
/** A download that breaks off in the middle, and the fault that its resumption meets. */
const resumed = (variant: string, then: Kind['inject']): Kind => ({
  ...harmless('odd answer to a resumed download', variant, 'step', isBlob, cut),
  then,
});

/** Deviations of real registries and proxies from the specification; test/quirks has the sources. */
const QUIRK_KINDS: readonly Kind[] = [
  harmless('499, 520, 524', '499 once', 'once', any, answer(499, { html: PAGE })),
  harmless('499, 520, 524', '520 of Cloudflare, once', 'once', any, answer(520, { html: PAGE })),
  harmless('499, 520, 524', '524 of Cloudflare, once', 'once', any, answer(524, { html: PAGE })),
  make('499, 520, 524', '524 for ever', 'step', any, answer(524, { html: PAGE })),
  resumed('416', refuseRange(416)),
  resumed('400', refuseRange(400)),
  resumed('206 without Content-Range', partial(0, false)),
  resumed('206 from another byte on', partial(-1000, true)),
  harmless('slow first byte', 'of a layer, each time', 'step', isBlob, late),
  harmless('HEAD refused', '403, and GET works', 'step', isHead, answer(403, { code: 'DENIED' })),
  harmless('HEAD refused', '405, and GET works', 'step', isHead, answer(405, { code: 'UNSUPPORTED' })),
  harmless('HEAD with another length', '0', 'step', isHead, headLength(0)),
  harmless('HEAD with another length', '20', 'step', isHead, headLength(20)),
  harmless('write ends with another 2xx', '200', 'step', stores, endsWith(200)),
  harmless('write ends with another 2xx', '202', 'step', stores, endsWith(202)),
  {
    ...make('write ends with another 2xx', '202, and nothing is stored', 'once', stores, nothingStored(202)),
    lies: true,
  },
  harmless('blobs not seen yet', '400 MANIFEST_BLOB_UNKNOWN, once', 'once', isManifestWrite, answer(400, UNKNOWN_BLOB)),
  harmless(
    'blobs not seen yet',
    '404 BLOB_UNKNOWN, once',
    'once',
    isManifestWrite,
    answer(404, { code: 'BLOB_UNKNOWN' }),
  ),
  make('blobs not seen yet', 'for ever', 'step', isManifestWrite, answer(400, UNKNOWN_BLOB)),
  harmless('upload refused', '400 DIGEST_INVALID, once', 'once', isSession, answer(400, { code: 'DIGEST_INVALID' })),
  make('upload refused', '413 of a proxy', 'step', isSession, answer(413, { html: PAGE })),
  harmless('mount fails', '500', 'step', isMount, answer(500)),
  harmless('mount fails', 'connection reset', 'step', isMount, reset),
  { ...harmless('mount fails', '201, and it is not there', 'once', isMount, nothingStored(201)), lies: true },
  // The workload's referrers are required.
  make('referrers cannot be listed', '500', 'step', isReferrers, answer(500)),
  make('referrers cannot be listed', 'no answer', 'step', isReferrers, stall),
  make('referrers cannot be listed', 'a web page', 'step', isReferrers, answer(200, { html: PAGE })),
  make('web page with 200', 'once', 'once', hasBody, answer(200, { html: PAGE })),
  make('web page with 200', 'for ever', 'step', hasBody, answer(200, { html: PAGE })),
  make('429 storm', 'a pull limit of six hours', 'step', any, answer(429, PULL_LIMIT)),
  make('429 storm', 'Retry-After of an hour, once', 'once', any, answer(429, { headers: { 'retry-after': '3600' } })),
];

/** All kinds of faults of the sweep. */
export const KINDS: readonly Kind[] = [
  make('connection reset', 'before the request is carried out', 'once', any, reset),
  make('connection reset', 'after it was carried out', 'once', any, answerLost),
  make('connection reset', 'in the middle of an upload', 'once', sends, cutUpload),
  make('connection reset', 'of this request, for ever', 'step', any, reset),
  make('connection reset', 'of everything from here on', 'all', any, reset),
  make('stall', 'no answer', 'once', any, stall),
  make('stall', 'no answer, for ever', 'step', isAnswered, stall),
  make('stall', 'in the middle of an answer', 'once', hasBody, stallBody),
  make('stall', 'a byte now and then, for ever', 'step', hasBody, trickle),
  make('stall', 'in the middle of an upload', 'once', sends, stallUpload),
  make('truncated body', 'once', 'once', hasBody, cut),
  make('truncated body', 'for ever', 'step', hasBody, cut),
  make('wrong digest', 'one bit of an answer, once', 'once', isVerifiable, spoil),
  make('wrong digest', 'one bit of an answer, for ever', 'step', isVerifiable, spoil),
  make('wrong digest', 'one bit of what is sent', 'once', sends, spoilUpload),
  make('wrong digest', 'in the header', 'once', isApi, otherDigest),
  make('429 storm', 'five, with Retry-After', 'storm', any, answer(429, { headers: { 'retry-after': '2' } })),
  make('429 storm', 'five, without', 'storm', any, answer(429)),
  make('429 storm', 'for ever', 'step', any, answer(429)),
  make('429 storm', 'Retry-After of a day', 'step', any, answer(429, { headers: { 'retry-after': '86400' } })),
  make('500, 502, 503', '500 once', 'once', any, answer(500)),
  make('500, 502, 503', '500 for ever', 'step', any, answer(500)),
  make('500, 502, 503', '502 of a gateway, once', 'once', any, answer(502, { html: GATEWAY })),
  make('500, 502, 503', '503 with Retry-After, once', 'once', any, answer(503, { headers: { 'retry-after': '1' } })),
  make('500, 502, 503', '503 of everything from here on', 'all', any, answer(503)),
  make('401 in mid-run', 'the token has expired', 'once', isApi, expire),
  make('401 in mid-run', 'a token that has expired when it comes', 'once', isToken, expired),
  make('401 in mid-run', 'the account is gone', 'all', any, answer(401, { code: 'UNAUTHORIZED' })),
  make('403', 'once', 'once', any, answer(403, { code: 'DENIED' })),
  make('404 on an upload session', 'once', 'once', isSession, answer(404, { code: 'BLOB_UPLOAD_UNKNOWN' })),
  make('404 on an upload session', 'for ever', 'step', isSession, answer(404, { code: 'BLOB_UPLOAD_UNKNOWN' })),
  make('lying Content-Length', 'more than there is', 'once', hasBody, length(7)),
  make('lying Content-Length', 'less than there is', 'once', hasBody, length(-7)),
  make('lying Content-Length', 'true, of a body that is too short', 'step', isContent, lie),
  make('redirect to another host', 'which has it', 'once', isApi, redirect(undefined)),
  make('redirect to another host', 'which has it, always', 'step', isApi, redirect(undefined)),
  make('slow registry', 'answers in drops', 'once', hasBody, drip),
  make('slow registry', 'reads in drops', 'once', sends, dripIn),
  make('full registry disk', 'from here on', 'writes', stores, answer(500, FULL)),
  { ...make('immutable conflict', 'with the same content', 'once', isTag, takenBySame), lies: true },
  { ...make('immutable conflict', 'with other content', 'once', isTag, taken), conflict: true },
  make('DNS failure', 'of the host that is redirected to', 'step', isApi, redirect('no-such-host.invalid')),
  { ...make('proxy failure', '502 once', 'once', any, answer(502, { html: GATEWAY })), way: 'proxy' },
  { ...make('proxy failure', '407', 'step', any, answer(407)), way: 'proxy' },
  { ...make('proxy failure', 'reset for ever', 'all', any, reset), way: 'proxy' },
  { ...make('proxy failure', '502 to CONNECT, once', 'once', any, obstructed(502, 1)), way: 'tunnel' },
  { ...make('proxy failure', '502 to CONNECT, from here on', 'all', any, obstructed(502, FOR_EVER)), way: 'tunnel' },
  { ...make('proxy failure', '407 to CONNECT, from here on', 'all', any, obstructed(407, FOR_EVER)), way: 'tunnel' },
  { ...make('proxy failure', 'tunnel cut in mid-answer', 'once', hasBody, cutTunnel), way: 'tunnel' },
  {
    ...make('proxy failure', 'tunnel cut, from here on', 'all', any, obstructed('tunnel cut', FOR_EVER)),
    way: 'tunnel',
  },
  { ...make('TLS failure', 'handshake cut, once', 'once', any, obstructed('handshake cut', 1)), way: 'tls' },
  {
    ...make('TLS failure', 'handshake cut, from here on', 'all', any, obstructed('handshake cut', FOR_EVER)),
    way: 'tls',
  },
  {
    ...make(
      'TLS failure',
      'certificate of an unknown authority',
      'all',
      any,
      obstructed('unknown authority', FOR_EVER),
    ),
    way: 'tls',
  },
  { ...make('lost write', '201, and nothing is stored', 'once', stores, nothingStored(201)), lies: true },
  ...QUIRK_KINDS,
];

/** The repository of the source answers as if it did not exist. */
export const GONE: Kind = make(
  'repository deleted',
  'before this request',
  'repository',
  (seen) => isApi(seen) && isAnswered(seen),
  answer(404, { code: 'NAME_UNKNOWN' }),
);

/** Deletes the repository from the registry's storage once; the registry answers from what is left. */
export function deleted(repositories: string): Kind {
  return {
    ...GONE,
    reach: 'once',
    lies: true,
    inject: async ({ recorded, forward, reply }) => {
      const name = repositoryOf(recorded);
      if (name !== undefined) await rm(join(repositories, name), { recursive: true, force: true });
      reply(await forward());
    },
  };
}
