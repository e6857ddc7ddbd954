import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkTrust } from '../../../../src/workflows/doctor/trust.ts';
import { authority } from '../../../support/certificate.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const folder = scratchFolder();
const own = authority();
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const expired = own.issue('old', -1).cert;
const broken = own.ca.replace(/\n[A-Za-z0-9+/]{64}\n/, '\n');

it.each([
  ['a certificate', own.ca, 'good'],
  ['two, of which one expired', own.ca + expired, 'good'],
  ['one that expired', expired, 'bad'],
  ['a damaged one', own.ca + broken, 'bad'],
  ['no PEM', 'hello', 'bad'],
])('a file with %s', (_, text, status) => {
  expect(checkTrust({}, file('ca.pem', text))).toMatchObject([{ name: '--ca-file', status }]);
});

it('all files are checked, also one that is missing', () => {
  const found = checkTrust(
    { SSL_CERT_FILE: join(folder, 'none'), NODE_EXTRA_CA_CERTS: file('a.pem', own.ca) },
    undefined,
  );
  expect(found.map(({ name, status }) => [name, status])).toEqual([
    ['SSL_CERT_FILE', 'bad'],
    ['NODE_EXTRA_CA_CERTS', 'good'],
  ]);
  expect(checkTrust({}, undefined)).toMatchObject([{ status: 'good' }]);
});
