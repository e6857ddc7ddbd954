import { describe, expect, it } from 'vitest';
import { operatorScanSettings } from '../../../../src/cli/flags/operator-scan.ts';

const registry = { mirrors: [], plainHttp: [], clientCertificates: [] };

/** Returns `off`, `list` or `include`. */
async function scanMode(
  flags: Parameters<typeof operatorScanSettings>[0],
  config: Parameters<typeof operatorScanSettings>[1]['config'],
  byDefault: boolean,
) {
  const operatorScan = await operatorScanSettings(flags, { registry, config }, byDefault);
  return operatorScan === undefined ? 'off' : operatorScan.include ? 'include' : 'list';
}

describe('the operator image scan', () => {
  it.each([
    [{}, {}, false, 'off'],
    [{}, {}, true, 'list'],
    [{}, { lookInside: true }, false, 'list'],
    [{}, { lookInside: false }, true, 'off'],
    [{ lookInside: true }, { lookInside: false }, false, 'list'],
    [{ lookInside: false }, { includeInside: true }, true, 'off'],
    [{}, { includeInside: true }, false, 'include'],
    [{}, { lookInside: false, includeInside: true }, true, 'off'],
    [{ includeInside: true as const }, { lookInside: false }, true, 'include'],
    [{ lookInside: true }, { includeInside: false }, false, 'list'],
  ])(
    'is set by flags %j, then by the configuration %j, then by the command (%j)',
    async (flags, config, byDefault, expected) => {
      expect(await scanMode(flags, config, byDefault)).toBe(expected);
    },
  );

  it('is required for rules', async () => {
    const error = {
      code: 'usage',
      message: expect.stringContaining('-o rules'),
      hint: expect.stringContaining('--look-inside'),
    };
    await expect(scanMode({ output: 'rules' }, {}, false)).rejects.toMatchObject(error);
    expect(await scanMode({ output: 'rules' }, { lookInside: true }, false)).toBe('list');
  });
});
