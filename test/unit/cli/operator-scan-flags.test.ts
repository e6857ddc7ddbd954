import { describe, expect, it } from 'vitest';
import { type OperatorScanFlags, operatorScanOptions } from '../../../src/cli/flags/operator-scan.ts';

const registry = { mirror: [], plainHttp: [] };

/** Returns `off`, `list` or `include`. */
async function chosen(
  flags: OperatorScanFlags,
  insideConfig: Parameters<typeof operatorScanOptions>[1]['operatorScanConfig'],
  on: boolean,
) {
  const { operatorScan } = await operatorScanOptions(flags, { registry, operatorScanConfig: insideConfig }, on);
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
    async (flags, config, on, wanted) => {
      expect(await chosen(flags, config, on)).toBe(wanted);
    },
  );

  it('is required for rules', async () => {
    const error = {
      code: 'usage',
      message: expect.stringContaining('-o rules'),
      hint: expect.stringContaining('--look-inside'),
    };
    await expect(chosen({ output: 'rules' }, {}, false)).rejects.toMatchObject(error);
    expect(await chosen({ output: 'rules' }, { lookInside: true }, false)).toBe('list');
  });
});
