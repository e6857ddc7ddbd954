import { describe, expect, it } from 'vitest';
import { afterServe } from '../../../../src/cli/commands/after-serve.ts';

const serving = { address: '127.0.0.1:5000', prefix: '', tls: false } as Parameters<typeof afterServe>[2];

describe('after serve, values', () => {
  it('gets the naming of the served names', () => {
    const names = { naming: 'path', rules: [{ match: 'a/', to: 'b/' }], chartPrefix: 'helm' };
    const [line] = afterServe(['a.tar'], names, serving);
    expect(line).toContain('--naming path --naming-rule a/=b/ --chart-prefix helm');
    expect(line).toContain('--bundle a.tar --to 127.0.0.1:5000');
  });

  it('has a placeholder for the host where it listens on all addresses', () => {
    const [line] = afterServe(['a.tar', 'b.tar'], { naming: 'path' } as never, { ...serving, address: '0.0.0.0:443' });
    expect(line).toContain('--to HOST:443');
    expect(line).not.toContain('--bundle');
  });
});
