// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the scripts are shell
import { describe, expect, it } from 'vitest';
import { ListCollector } from '../../../../src/lists/content.ts';
import { readShellList } from '../../../../src/lists/formats/shell-list.ts';

function read(script: string, variables: Record<string, string> = {}): ListCollector {
  const collector = new ListCollector('x.sh');
  readShellList(script, new Map(Object.entries(variables)), collector);
  return collector;
}

/** `LINE NAME` of each image, without the parts of Docker Hub. */
function images(script: string, variables?: Record<string, string>): string[] {
  const { images, problems } = read(script, variables);
  expect(problems.map(({ message }) => message)).toEqual([]);
  return images.map(({ reference, place }) => `${place.line} ${reference.replace('docker.io/library/', '')}`);
}

describe('arrays', () => {
  it.each<[string, string, string[]]>([
    ['in one line', 'IMAGES=(a:1 b:2)', ['1 a:1', '1 b:2']],
    ['over lines, with comments', 'IMAGES=(\n  a:1 # one\n  # two:2\n  "b:2"\n)', ['2 a:1', '4 b:2']],
    ['quoted', `IMAGES=('a:1' "b:2" c':'3 d\\:4)`, ['1 a:1', '1 b:2', '1 c:3', '1 d:4']],
    ['continued', 'IMAGES=( a:1 \\\n b:2 )', ['1 a:1', '2 b:2']],
    ['added to', 'IMAGES=()\nIMAGES+=( a:1 )\nIMAGES+=("b:2")', ['2 a:1', '3 b:2']],
    [
      'declared',
      'declare -ra WEB_IMAGES=(a:1)\nlocal imageList=(b:2)\nreadonly images=(c:3)',
      ['1 a:1', '2 b:2', '3 c:3'],
    ],
    ['after other commands', 'set -e; cd x && IMAGES=(a:1); echo done', ['1 a:1']],
    ['in functions', 'f() {\n  IMAGES=(a:1)\n}', ['2 a:1']],
    ['of others', 'BASE_IMAGES=(a:1)\nIMAGES=("${BASE_IMAGES[@]}" b:2)', ['1 a:1', '2 a:1', '2 b:2']],
    [
      'associative',
      'declare -A IMAGES=([web]="a:1" ["quay.io/b"]=2)\nIMAGES[c]=3.1',
      ['1 a:1', '1 quay.io/b:2', '2 c:3.1'],
    ],
    ['with Windows line ends', 'IMAGES=(\r\n  a:1\r\n)\r\n', ['2 a:1']],
  ])('%s', (_, script, expected) => {
    expect(images(script)).toEqual(expected);
  });

  it('of charts have rows', () => {
    const script = `CHARTS=(
  "app|1.0.0|https://c.example"   # a repository
  b\\|2.0.0\\|oci://r.example/c
)
declare -A MORE_CHARTS=([d]="3.0.0|https://d.example")`;
    expect(read(script).charts).toMatchObject([
      { chart: 'app', version: '1.0.0', repo: 'https://c.example', place: { line: 2 } },
      { chart: 'oci://r.example/c/b', version: '2.0.0', place: { line: 3 } },
      { chart: 'd', version: '3.0.0', repo: 'https://d.example', place: { line: 5 } },
    ]);
  });

  it('with other names are ignored, and named if they are about charts or images', () => {
    const { images, notTaken, problems } = read('ARGS=(-x a:1)\nIMAGE=(a:1)\nIMAGE_TAGS=(1 2)\nchart_dirs=(a b)');
    expect([images, problems]).toEqual([[], []]);
    expect(notTaken.map(({ place }) => place.line)).toEqual([2, 3, 4]);
  });
});

it.each<[string, string, string[]]>([
  ['lines, with comments', 'IMAGES="\n# --- x ---\na:1\n\n  b:2 # c\n"', ['3 a:1', '5 b:2']],
  ['words', "IMAGES='a:1 b:2'", ['1 a:1', '1 b:2']],
  ['added to itself', 'IMAGES="a:1"\nIMAGES="$IMAGES b:2"', ['1 a:1', '2 a:1', '2 b:2']],
])('a text is a list of its %s', (_, script, expected) => {
  expect(images(script)).toEqual(expected);
});

it.each(["'EOF'", 'EOF', '-"EOF"'])('the text of a here-document (%s) is a list of its lines', (delimiter) => {
  const script = `IMAGES=$(cat <<${delimiter}\n# don't (\na:1\n  b:2\nEOF\n)\nMORE_IMAGES=(c:3)`;
  expect(images(script)).toEqual(['3 a:1', '4 b:2', '7 c:3']);
});

it('a here-document has the values of variables, unless its word is quoted', () => {
  expect(images('V=1\nIMAGES="$(cat <<EOF\na:$V\nEOF\n)"')).toEqual(['3 a:1']);
  expect(read("V=1\nIMAGES=$(cat <<'EOF'\na:$V\nEOF\n)").problems).toMatchObject([{ parts: { subject: 'x.sh:3' } }]);
});

it.each([
  ['a quote', "IMAGES=(a:1)\necho 'it\nMORE_IMAGES=(b:2)", 2],
  ['a double quote', 'echo "it\nIMAGES=(b:2)', 1],
  ['an array', '\nIMAGES=(b:2\n', 2],
  ['a here-document', 'cat <<EOF\nIMAGES=(b:2)\n', 1],
  ['a substitution', 'x=$(IMAGES=(b:2)\n', 1],
])('%s without an end is a problem: lists after it would be missing', (_, script, line) => {
  const { problems } = read(script);
  expect(problems.at(-1)?.parts.subject).toBe(`x.sh:${line}`);
});

it.each([
  '(( x = 1 << 2 ))',
  'if (( 1 << x > 2 )); then y; fi',
  'cat <<<word',
  'x=$(cat <<<"word")',
  'read -r a <<< "$x"',
])('%s announces no here-document', (line) => {
  expect(images(`${line}\nIMAGES=(a:1)`)).toEqual(['2 a:1']);
});

it('rows in a text may have spaces beside the bars', () => {
  const { charts } = read(
    'CHARTS="\napp | 1.0.0 | https://c.example\nb|2.0.0|https://d.example c|3.0.0|https://e.example\n"',
  );
  expect(charts.map(({ chart, place }) => [chart, place.line])).toEqual([
    ['app', 2],
    ['b', 3],
    ['c', 3],
  ]);
});

describe('variables', () => {
  it.each<[string, string, string[]]>([
    ['assigned before', 'V=1; R="quay.io"\nIMAGES=($R/a:$V "${R}/b:${V}-x")', ['2 quay.io/a:1', '2 quay.io/b:1-x']],
    ['of each other', 'A=1\nB=$A.2\nIMAGES=(a:$B)', ['3 a:1.2']],
    ['with defaults', 'IMAGES=(a:${V:-1} b:${W-2} c:${X:=3} "d:${Y:-${Z:-4}}")', ['1 a:1', '1 b:2', '1 c:3', '1 d:4']],
    ['with their own default', 'V=${V:-1}\nIMAGES=(a:$V)', ['2 a:1']],
    ['assigned again', 'V=1\nA_IMAGES=(a:$V)\nV=2\nB_IMAGES=(b:$V)', ['2 a:1', '4 b:2']],
    ['with several words', 'L="a:1 b:2"\nIMAGES=($L)', ['2 a:1', '2 b:2']],
    ['not in single quotes of others', "V='1'\nexport V W=2\nIMAGES=(a:$V b:$W)", ['3 a:1', '3 b:2']],
    ['of one command only', 'V=1\nV=2 docker pull x\nIMAGES=(a:$V)', ['3 a:1']],
    ['that a test sets', '[ -n "$V" ] || V=1\nIMAGES=(a:$V)', ['2 a:1']],
  ])('%s', (_, script, expected) => {
    expect(images(script)).toEqual(expected);
  });

  it('given ones take precedence', () => {
    expect(images('V=1\nIMAGES=(a:$V b:${W:-1})', { V: '3', W: '4' })).toEqual(['2 a:3', '2 b:4']);
  });

  it.each([
    ['without a value', 'IMAGES=(\n  a:$V\n)', 2],
    ['that a branch sets', 'if x; then\n  V=1\nelse\n  V=2\nfi\nIMAGES=(a:$V)', 6],
    ['from a command', 'V=$(curl x)\nIMAGES=(a:$V)', 2],
    ['of a pattern', 'V=1.2\nIMAGES=(a:${V%.*})', 2],
    ['of the command line', 'IMAGES=(a:$1)', 1],
    ['in braces', 'IMAGES=(a:{1,2})', 1],
    ['that double', `A=aaaaaaaaaaaaaaaa\n${'A="$A$A"\n'.repeat(40)}IMAGES=($A)`, 42],
  ])('%s: the entry is a problem with its line', (_, script, line) => {
    expect(read(script).problems).toMatchObject([{ parts: { subject: `x.sh:${line}` } }]);
  });

  it('entries that a loop or function adds are named', () => {
    const { problems, notTaken } = read(
      'while read -r i; do\n  IMAGES+=("$i")\ndone\nadd() { IMAGES+=("$1"); }\nIMAGES="$(cat x)"',
    );
    expect(problems).toEqual([]);
    expect(notTaken.map(({ place }) => place.line)).toEqual([2, 4, 5]);
  });
});

it.each([
  ['comments', '# IMAGES=(a)\necho a # IMAGES=(b)'],
  ['quotes', `echo "IMAGES=(a)" 'IMAGES=(b)'`],
  ['here-documents', "cat <<-'EOF' > x\nIMAGES=(a)\n\tEOF\ncat <<EOF\nIMAGES=(b)\nEOF"],
  ['arguments', 'run --set IMAGES=a env IMAGES=b'],
  ['a substitution', 'x="$(IMAGES=(a))"'],
])('what is in %s is no list', (_, script) => {
  const { images, problems } = read(script);
  expect([images, problems]).toEqual([[], []]);
});

describe('nothing hides what follows', () => {
  it.each([
    ['a here-string', 'while read x; do :; done <<< "a b"'],
    ['a shift', '(( x = 1 << 2 ))\ny=$((1 << 3))'],
    ['a here-document in a substitution', "X=$(cat <<EOF\nit's (\nEOF\n)"],
    ['a comment in a substitution', "X=$(a # it's (\n)"],
    ['process substitutions', "diff <(cat it\\'s) >(cat)"],
  ])('%s', (_, before) => {
    const lines = before.split('\n').length;
    expect(images(`${before}\nIMAGES=(a:1)\n`)).toEqual([`${lines + 1} a:1`]);
  });
});

it('a process substitution in a list is no list of words', () => {
  const { images, problems } = read('IMAGES=(\n<(cat foo)\nb:2\n)');
  expect(images.map(({ place }) => place.line)).toEqual([3]);
  expect(problems.map(({ parts }) => parts.subject)).toEqual(['x.sh:2']);
});

it('names lists that a command reads', () => {
  const { notTaken } = read('IMAGES=(a:1)\nmapfile -t IMAGES < images.txt\nread -r answer\n');
  expect(notTaken.map(({ place }) => place.line)).toEqual([2]);
});

it('an array may be added to often', () => {
  expect(images(`${'X+=(a:1)\n'.repeat(100_000)}IMAGES=("\${X[@]}")`)).toHaveLength(100_000);
}, 10_000);
