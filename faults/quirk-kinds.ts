import { answer, cut, nothingStored, reset, stall } from './injections.ts';
import {
  any,
  hasBody,
  isBlob,
  isHead,
  isManifestWrite,
  isMount,
  isReferrers,
  isSession,
  type Kind,
  make,
  stores,
} from './kind.ts';
import { endsWith, headLength, late, partial, refuseRange } from './quirk-injections.ts';

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
export const QUIRK_KINDS: readonly Kind[] = [
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
