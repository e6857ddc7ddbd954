import { describe, expect, it } from 'vitest';
import { AirgapError, combine, type ErrorCode, type ErrorDetails } from '../../../../src/base/errors.ts';
import { failureCauses, formatFailure } from '../../../../src/cli/reports/failure.ts';

const golden = (name: string) => `golden/failure-${name}.txt`;

/** Images of a batch, each with an error. */
function batch(count: number, error: (image: string, index: number) => AirgapError): AirgapError {
  const errors = Array.from({ length: count }, (_, index) => error(`quay.io/team/app-${index + 1}:1.0`, index));
  return combine(errors, `${count} images could not be resolved`);
}

const untrusted = (subject: string, details: ErrorDetails = {}): AirgapError =>
  new AirgapError('network', 'the certificate of quay.io is not signed by a trusted CA (UNABLE_TO_VERIFY)', {
    subject,
    origin: 'wanted by chart app (app/templates/web.yaml, spec.containers[0].image)',
    hint: 'pass the CA certificate with --ca-file FILE',
    ...details,
  });

const lines = (error: AirgapError): string[] => formatFailure(error).split('\n');

describe('formatFailure', () => {
  it('shows message, hint and code', () => {
    expect(formatFailure(new AirgapError('collision', 'a and b', { hint: 'rename one' }))).toBe(
      'Error: a and b\nHint: rename one\nCode: collision',
    );
  });

  it('shows no code for what message and hint explain', () => {
    for (const code of ['usage', 'unexpected', 'interrupted'] as const)
      expect(formatFailure(new AirgapError(code, 'a', { hint: 'b' }))).toBe('Error: a\nHint: b');
  });

  it('shows each code of a batch once, even of causes that are not shown', () => {
    const error = batch(
      40,
      (subject, index) => new AirgapError(index < 30 ? 'registry' : 'network', `answer ${index}`, { subject }),
    );
    expect(lines(error).at(-1)).toBe('Codes: registry, network');
  });

  it('adds a default hint for its code', () => {
    for (const code of ['network', 'unauthorized', 'image-not-found', 'digest-mismatch', 'file'] as const) {
      expect(formatFailure(new AirgapError(code, 'x'))).toMatch(/^Error: x\nHint: .{10}/);
    }
  });

  it('groups the failures of a batch by hint', () => {
    const failure = (message: string, hint: string) => new AirgapError('registry', message, { hint });
    const error = combine(
      [failure('a', 'log in'), failure('b\nmore', 'wait'), failure('c', 'log in')],
      '3 images failed',
    );
    expect(lines(error)).toEqual([
      'Error: 3 images failed:',
      '  - a',
      '  - c',
      '    Hint: log in',
      '  - b',
      '    more',
      '    Hint: wait',
      'Code: registry',
    ]);
  });

  it('flattens nested batches, without their summaries', () => {
    const leaf = (message: string) => new AirgapError('collision', message);
    const inner = combine([leaf('b'), leaf('c')], 'inner');
    expect(formatFailure(combine([leaf('a'), inner], 'outer'))).toBe(
      'Error: outer:\n  - a\n  - b\n  - c\nCode: collision',
    );
  });

  it('says a shared cause once, with each subject once, whatever the steps were', () => {
    const failure = (subject: string, code: ErrorCode, reason: string, details: ErrorDetails = {}) =>
      new AirgapError(code, reason, { subject, hint: 'wait', ...details });
    const error = combine(
      [
        failure('c:1', 'forbidden', 'other'),
        failure('a:1', 'forbidden', 'no way', { step: 'blob 1', origin: 'wanted by chart x' }),
        failure('a:1', 'forbidden', 'no way', { step: 'blob 2', origin: 'wanted by chart x' }),
        failure('b:1', 'forbidden', 'no way', { detail: 'DENIED' }),
      ],
      '3 failed',
    );
    expect(lines(error)).toEqual([
      'Error: 3 failed:',
      '  - no way:',
      '      a:1, wanted by chart x',
      '      b:1: DENIED',
      '  - c:1: other',
      '    Hint: wait',
      'Code: forbidden',
    ]);
  });

  it('shows the detail once if all subjects have it', () => {
    const error = batch(2, (subject) => new AirgapError('registry', 'not found', { subject, detail: 'UNKNOWN' }));
    expect(lines(error)[1]).toBe('  - not found (UNKNOWN):');
    expect(lines(error)[2]).toBe('      quay.io/team/app-1:1.0');
  });

  it('keeps a hint that names its subject for one subject only', () => {
    const hinted = (subject: string) =>
      new AirgapError('image-not-found', 'not found', { subject, hint: `-x ${subject}` });
    expect(lines(batch(1, hinted)).at(-2)).toBe('Hint: -x quay.io/team/app-1:1.0');
    expect(lines(batch(2, hinted)).at(-2)).toBe('    Hint: -x IMAGE');
  });

  it('keeps what the cause quotes on lines of its own, and a subject on one line', () => {
    const error = batch(
      2,
      (subject) => new AirgapError('chart-render', 'Helm:\nfailed', { subject: `${subject}\nHint: x` }),
    );
    expect(lines(error).slice(1, 4)).toEqual(['  - Helm:', '    failed:', '      quay.io/team/app-1:1.0 Hint: x']);
  });

  it('a wrong CA and 19 images', async () => {
    await expect(formatFailure(batch(19, (subject) => untrusted(subject)))).toMatchFileSnapshot(golden('wrong-ca'));
  });

  it('2,000 images of three causes', async () => {
    const denied = (subject: string) => new AirgapError('forbidden', 'access denied', { subject });
    const error = batch(2000, (subject, index) => {
      if (index === 0) return denied(subject);
      return index % 2 === 0
        ? untrusted(subject)
        : new AirgapError('image-not-found', 'not found; quay.io returned 404', { subject, detail: `no ${subject}` });
    });
    const started = performance.now();
    const text = formatFailure(error);
    expect(performance.now() - started).toBeLessThan(1000);
    await expect(text).toMatchFileSnapshot(golden('2000-images'));
  });

  it('2,000 causes', () => {
    const error = batch(2000, (subject, index) => new AirgapError('registry', `answer ${index}`, { subject }));
    expect(lines(error).length).toBeLessThan(30);
    expect(lines(error).at(-2)).toMatch(/1,980 more causes.*-o json/);
  });

  it('two targets', async () => {
    const failed = (target: string): AirgapError =>
      batch(3, (subject) => untrusted(subject, { step: `${target}/${subject}` })).with({ target });
    const error = combine([failed('r.example/a'), failed('r.example/b')], 'the push to 2 of 3 targets failed');
    await expect(formatFailure(error)).toMatchFileSnapshot(golden('targets'));
  });
});

it('failureCauses keeps everything of each error', () => {
  const [cause, ...others] = failureCauses(batch(2000, (subject) => untrusted(subject, { step: 'manifest' })));
  expect(others).toEqual([]);
  expect(cause?.errors).toHaveLength(2000);
  expect(cause?.errors[0]?.parts).toMatchObject({ step: 'manifest', origin: expect.stringContaining('app') });
});

it('a batch about an image gives its errors that subject', () => {
  const child = (digest: string) => new AirgapError('registry', 'gone', { subject: `quay.io/a@${digest}` });
  const index = combine([child('1'), child('2')], '2 manifests').with({ subject: 'quay.io/a:1' });
  const [cause] = failureCauses(combine([index, child('3')], '2 failed'));
  expect(cause).toMatchObject({ target: undefined });
  expect(cause?.errors.map(({ message }) => message)).toEqual([
    'quay.io/a:1: quay.io/a@1: gone',
    'quay.io/a:1: quay.io/a@2: gone',
    'quay.io/a@3: gone',
  ]);
});
