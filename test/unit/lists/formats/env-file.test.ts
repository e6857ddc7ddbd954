// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the files are shell
import { describe, expect, it } from 'vitest';
import { type AirgapError, asAirgapError } from '../../../../src/base/errors.ts';
import { type ListContent, readList } from '../../../../src/lists/index.ts';

function read(text: string, variables: Record<string, string> = {}): ListContent {
  return readList(Buffer.from(text), { file: 'a.env', variables: new Map(Object.entries(variables)) });
}

/** Errors of a file, each with its line, that have none of its secrets. */
function problems(text: string): readonly AirgapError[] {
  try {
    read(text);
  } catch (thrown) {
    const error = asAirgapError(thrown);
    expect(error.exitCode).toBe(2);
    return error.causes.length === 0 ? [error] : error.causes;
  }
  return expect.fail('was read');
}

const HOSTS = 'SOURCE_URL=s.example\nDEST_URL=d.example:5000\n';

describe('registries, organizations and logins', () => {
  it('are taken, with the names of the variables that hold the logins', () => {
    const { format, registries, targets, logins, notTaken } = read(`# Source cluster
SOURCE_MSR_USERNAME=migration_user
SOURCE_MSR_TOKEN=geheim-1
SOURCE_MSR_URL=https://Source.example/
export DEST_MSR_URL="dest.example:34034" DEST_MSR_USERNAME=migration_user
DEST_MSR_TOKEN='geheim-2'
SOURCE_NAMESPACE="a b, c"
PARALLEL_PROCESS_COUNT=5
KUBECONFIG=/config/kubeconfig #comment
MKE_NODE_SSH_KEY=$HOME/.ssh/id_rsa
SOURCE_TLS_VERIFY=false
`);
    expect(format).toBe('env-file');
    const place = (line: number): object => ({ file: 'a.env', line });
    expect(registries).toEqual([{ registry: 'source.example', repositories: ['a/*', 'b/*', 'c/*'], place: place(4) }]);
    expect(targets).toEqual([{ target: 'dest.example:34034', place: place(5) }]);
    expect(logins).toEqual([
      { registry: 'source.example', username: 'SOURCE_MSR_USERNAME', password: 'SOURCE_MSR_TOKEN', place: place(3) },
      { registry: 'dest.example:34034', username: 'DEST_MSR_USERNAME', password: 'DEST_MSR_TOKEN', place: place(6) },
    ]);
    const left = notTaken.map(({ what, place: { line } }) => `${line} ${what}`);
    expect(left.map((line) => line.split(' ', 1)[0])).toEqual(['8', '9', '10', '11']);
    expect(left[0]).toContain('--concurrency 5');
    expect(left[3]).toMatch(/--ca-file.*caFile/);
    expect(JSON.stringify(read(`${HOSTS}SOURCE_USER=a\nSOURCE_PASSWORD=geheim-1\n`))).not.toContain('geheim');
  });

  it.each<[string, string, string, string, Record<string, string>?]>([
    [
      'several names',
      'SRC_DTR_URL=s.example SRC_DTR_USER=a SRC_DTR_PASSWORD=x',
      's.example',
      's.example SRC_DTR_USER SRC_DTR_PASSWORD',
    ],
    [
      'an admin',
      'SOURCE_DTR_DOMAIN=s.example\nSOURCE_DTR_ADMIN=a\nSOURCE_DTR_PASSWORD=x',
      's.example',
      's.example SOURCE_DTR_ADMIN SOURCE_DTR_PASSWORD',
    ],
    [
      'a suffix',
      'BASE_URL_SOURCE=https://s.example\nSOURCE_USER=a\nSOURCE_PAT=x',
      's.example',
      's.example SOURCE_USER SOURCE_PAT',
    ],
    ['a token alone', 'SOURCE=s.example\nSOURCE_TOKEN=x', 's.example', 's.example SOURCE_TOKEN'],
    [
      'a secret that the shell computes',
      'SOURCE_HOST=s.example\nSOURCE_USER=a\nSOURCE_PASSWORD="$(cat f)"',
      's.example',
      's.example SOURCE_USER SOURCE_PASSWORD',
    ],
    ['a password without a user', 'SOURCE_HOST=s.example\nSOURCE_PASSWORD=x', 's.example', ''],
    ['empty texts, as in an example', 'SOURCE_HOST=s.example\nSOURCE_USER=\nSOURCE_PASSWORD=""', 's.example', ''],
    ['a variable', 'H=s.example\nSOURCE_HOST=${H}:5000', 's.example:5000', ''],
    ['a given variable', 'SOURCE_HOST=$H\n', 'g.example', '', { H: 'g.example' }],
    ['a given value', 'SOURCE_HOST=s.example\n', 'g.example', '', { SOURCE_HOST: 'g.example' }],
    ['a port', 'SOURCE_HOST=s.example\nSOURCE_PORT=5000', 's.example:5000', ''],
    ['the same host twice', 'SOURCE_HOST=s.example\nSOURCE_URL=https://s.example/', 's.example', ''],
    ['organizations in an array', 'SOURCE_HOST=s.example\nORGS=(a "b" # no\n c)', 's.example a/* b/* c/*', ''],
    ['organizations without quotes', 'SOURCE_HOST=s.example\nNAMESPACES=a b c # d', 's.example a/* b/* c/*', ''],
    ['organizations over lines', 'SOURCE_HOST=s.example\nSOURCE_ORGS="a\nb"', 's.example a/* b/*', ''],
    ['repositories', 'SOURCE_HOST=s.example\nSOURCE_REPOS=a/b,c/*\n', 's.example a/b c/*', ''],
    ['a path', 'SOURCE_REGISTRY=s.example/team\nORGS=a', 's.example team/a/*', ''],
    ['Windows line ends', 'SOURCE_HOST=s.example\r\nORGS=a\r\n', 's.example a/*', ''],
    [
      'other commands of such files',
      'set -a\nexport SOURCE_USER\nSOURCE_HOST=s.example;\nset +a # off',
      's.example',
      '',
    ],
  ])('%s', (_, text, source, login, variables) => {
    const { registries, logins } = read(text, variables);
    expect(registries.map(({ registry, repositories }) => [registry, ...repositories].join(' '))).toEqual([source]);
    const shown = logins.map(({ registry, username, password, token }) =>
      [registry, username, password, token].filter(Boolean).join(' '),
    );
    expect(shown).toEqual(login === '' ? [] : [login]);
  });

  it.each(['$TOKEN', '$(cat token)', "'a$b\\c'", '"$A-b"', 'a.b-c_d=='])('a secret as %s needs no remark', (value) => {
    expect(read(`${HOSTS}DEST_USER=a\nDEST_PASSWORD=${value}\n`).notTaken).toEqual([]);
  });

  it('of a destination alone, with a path, go with other lists', () => {
    const { registries, targets } = read('TARGET_REGISTRY=d.example/mirror\nTARGET_USER=a\nTARGET_PASSWORD=x\n');
    expect([registries, targets.map(({ target }) => target)]).toEqual([[], ['d.example/mirror']]);
  });

  it.each([
    ['a value that a shell reads differently', `${HOSTS}DEST_USER=a\nDEST_PASSWORD=x&geheim\n`, 4],
    ['a value in which a shell expands something', `${HOSTS}DEST_USER=a\nDEST_PASSWORD=ge$$heim\n`, 4],
    ['a value from which a shell takes something away', `${HOSTS}DEST_USER=a\nDEST_PASSWORD=ge\\heim\n`, 4],
    ['a destination without a host', 'SOURCE_URL=s.example\nTARGET_USER=a\nTARGET_PAT=geheim\n', 2],
    ['a login of nobody', `${HOSTS}MSR_PASSWORD=geheim\n`, 3],
    ['a second password', `${HOSTS}DEST_USER=a\nDEST_PASSWORD=x\nDEST_TOKEN=geheim\n`, 5],
    ['organizations of the destination', `${HOSTS}DEST_ORGS=a\n`, 3],
    ['an address without TLS', 'SOURCE_URL=http://s.example\n', 1],
    ['an address of something else', `${HOSTS}SOURCE_CLUSTER_URL=c.example\n`, 3],
    ['a login in the value of an unknown variable', `${HOSTS}SOURCE_CREDS=me:geheim\n`, 3],
  ])('%s is named', (_, text, line) => {
    const { notTaken } = read(text);
    expect(notTaken.map(({ place }) => place.line)).toEqual([line]);
    expect(JSON.stringify(notTaken)).not.toContain('geheim');
  });
});

describe('a wrong line is an error without its secrets', () => {
  it.each<[string, string, number[]]>([
    ['a line that is no assignment', `${HOSTS}SOURCE_TOKEN geheim\nexport\n`, [3, 4]],
    ['an unclosed quote', `DEST_TOKEN="geheim\n${HOSTS}`, [1]],
    ['an unclosed quote before another', `DEST_TOKEN="geheim\nDEST_USER="a"\n${HOSTS}`, [1]],
    ['an unclosed quote at the end', `${HOSTS}DEST_TOKEN='geheim`, [3]],
    ['an invalid host', 'SOURCE_URL=s_.example\nDEST_URL=https://\nDEST_PORT=x\nSOURCE_PORT=65536\n', [1, 2, 3, 4]],
    ['an address with a login', 'SOURCE_URL=https://me:geheim@s.example\n', [1]],
    ['an address with a slash in a login', 'SOURCE_URL=https://me:a/geheim@s.example\n', [1]],
    ['an address with a path', 'SOURCE_URL=https://s.example/api/v0\n', [1]],
    ['a source without a host', 'SOURCE_USER=a\nSOURCE_TOKEN=geheim\nDEST_URL=d.example\n', [1]],
    ['organizations without a host', 'DEST_URL=d.example\nORGS=a\n', [2]],
    ['two hosts', `${HOSTS}SOURCE_REGISTRY=t.example\nDESTINATION=e.example\n`, [3, 4]],
    ['one host for both', 'SOURCE_URL=s.example\nDEST_URL=https://S.example\n', [2]],
    ['one host for both, with its port', 'SOURCE_URL=s.example:443\nDEST_URL=s.example\n', [2]],
    ['a host that is not known', 'SOURCE_URL=$(geheim)\nDEST_URL=$NOWHERE\n', [1, 2]],
    ['a name that no registry has', `${HOSTS}ORGS="a ../b"\n`, [3]],
  ])('%s', (_, text, lines) => {
    const found = problems(text);
    expect(found.map(({ parts }) => parts.subject)).toEqual(lines.map((line) => `a.env:${line}`));
    if (!text.includes('$('))
      expect(found.map(({ message, hint }) => `${message} ${hint}`).join()).not.toContain('geheim');
  });

  it('reading ends after some unclosed quotes, because each is searched up to the end', () => {
    expect(problems(`${HOSTS}${'A=$(\n'.repeat(50_000)}`).length).toBeLessThan(30);
  });
});

it.each([
  ['a script with lists', 'SOURCE_URL=s.example\nIMAGES="a:1"\n', 'shell'],
  ['a script', '#!/bin/sh\nSOURCE_URL=s.example\nIMAGES=(a:1)\n', 'shell'],
  [
    'a script of commands',
    'set -e\nTARGET_REGISTRY=d.example\nfor i in a b; do\ndocker pull $i\ndone\nIMAGES=(a)\n',
    'shell',
  ],
])('%s is none', (_, text, format) => {
  expect(read(text).format).toBe(format);
});
