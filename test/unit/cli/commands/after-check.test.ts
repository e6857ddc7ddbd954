import { describe, expect, it } from 'vitest';
import { afterCheck } from '../../../../src/cli/commands/after-check.ts';
import type { CheckReason } from '../../../../src/inventory/check-reasons.ts';
import { parsed } from '../../../support/commands.ts';

/** Returns the command after a check that found these reasons, after testing that the plugin accepts it. */
function next(args: readonly string[], reasons: readonly CheckReason[], pullSecret?: string): string {
  const command = parsed('check', ...args);
  const { bundle, to } = command.opts() as { bundle?: string; to?: string };
  const [line = ''] = afterCheck(command, {
    reasons: new Set(reasons),
    bundle,
    target: to,
    charts: ['app'],
    pullSecret,
  });
  const text = line.replace(/^next: (?:.*, then: )?/, '');
  const [, , ...words] = text.split(' ');
  if (line !== '') parsed(...words);
  return text;
}

const TO = ['--to', 'r.example/m', '--plain-http', 'r.example'];

describe('after a check', () => {
  it('that found nothing, the overrides are written with the same names and values', () => {
    expect(next(['./app', ...TO, '--naming', 'path', '-f', 'site.yaml', '--platform', 'linux/arm64'], [])).toBe(
      'helm airgap values ./app --to r.example/m --naming path --plain-http r.example --values site.yaml --out app.yaml',
    );
    expect(next(['--all', '--bundle', 'a.tar', ...TO], [])).toContain('--out-dir overrides');
    expect(next(['./app', ...TO, '--pull-secret', 'file', '--unmapped', 'post-render'], [], 'pull')).toMatch(
      /--unmapped=post-render --pull-secret pull --out app.yaml$/,
    );
  });

  it('of overrides that exist, or of several charts, nothing is left to write', () => {
    expect(next(['./app', ...TO, '--overrides', 'app.yaml'], [])).toBe('');
    expect(next(['./app', './other', ...TO], [])).toBe('');
  });

  it('of a bundle alone, it is pushed', () => {
    expect(next(['app', '--bundle', 'a.tar'], [])).toBe('helm airgap push a.tar --to REGISTRY');
  });

  it('a bundle that has the images is pushed', () => {
    expect(next(['app', '--bundle', 'a.tar', ...TO, '--naming', 'path'], ['not-pushed', 'public-name'])).toBe(
      'helm airgap push a.tar --to r.example/m --naming path --plain-http r.example',
    );
  });

  it('images that no bundle here has are bundled', () => {
    const missing = 'helm airgap bundle --only-missing check.json --out missing.tar';
    for (const [args, reasons] of [
      [['./app', ...TO], ['not-pushed']],
      [
        ['app', '--bundle', 'a.tar', ...TO],
        ['not-pushed', 'not-in-bundle'],
      ],
      [['app', '--bundle', 'a.tar'], ['not-in-bundle']],
      [['./app', ...TO], ['wrong-platform']],
      // A bundle that has the image does not repair it.
      [['app', '--bundle', 'a.tar', ...TO], ['incomplete']],
    ] as const) {
      const [line] = afterCheck(parsed('check', ...args), {
        reasons: new Set<CheckReason>(reasons),
        bundle: args.some((arg) => arg === '--bundle') ? 'a.tar' : undefined,
        target: 'r.example/m',
        charts: ['app'],
      });
      expect(line).toContain(missing);
    }
  });

  it('a chart that the target lacks is named, because the list does not say where it is from', () => {
    const checked = { bundle: 'a.tar', target: 'r.example/m', charts: ['app'], lacksChart: true };
    const [line] = afterCheck(parsed('check', 'app', '--bundle', 'a.tar', ...TO), {
      ...checked,
      reasons: new Set<CheckReason>(['not-in-bundle', 'not-pushed']),
    });
    expect(line).toContain('helm airgap bundle CHART --only-missing check.json');
  });

  it('public names are redirected by other means, as long as there are any', () => {
    expect(next(['./app', ...TO], ['public-name'])).toMatch(/^helm airgap check .*--unmapped=post-render$/);
    expect(next(['./app', ...TO, '--unmapped=post-render'], ['public-name'])).toMatch(/ --unmapped=repack$/);
    expect(next(['./app', ...TO, '--unmapped=repack'], ['public-name'])).toBe('');
  });

  it('that could not ask the target, the report says what to do', () => {
    for (const reason of ['unreachable', 'unknown-authority', 'no-permission'] as const)
      expect(next(['./app', ...TO], [reason])).toBe('');
  });
});
