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
  expire,
  expired,
  length,
  lie,
  nothingStored,
  obstructed,
  otherDigest,
  redirect,
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
  isContent,
  isSession,
  isTag,
  isToken,
  type Kind,
  make,
  repositoryOf,
  sends,
  stores,
} from './kind.ts';
import { QUIRK_KINDS } from './quirk-kinds.ts';

/** docker-registry's error when its disk is full. */
const FULL = {
  code: 'UNKNOWN',
  message: 'unknown error',
  detail: { DriverName: 'filesystem', Enclosed: { Op: 'write', Path: '/data', Err: 28 } },
};
const FOR_EVER = Number.POSITIVE_INFINITY;
const GATEWAY = '<html><body><h1>502 Bad Gateway</h1></body></html>';

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
  make('wrong digest', 'one bit of an answer, once', 'once', hasBody, spoil),
  make('wrong digest', 'one bit of an answer, for ever', 'step', hasBody, spoil),
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
