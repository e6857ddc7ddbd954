import { expect, it } from 'vitest';
import { NO_CONFIG } from '../../../../src/cli/flags/configuration.ts';
import { toolSources } from '../../../../src/cli/flags/tools.ts';

const context = { cwd: '/here', env: { HELM_PLUGIN_DIR: '/plugins/airgap' } };
const none = { includeHelm: [] };

const sources = (flags: object = {}, config: object = {}, env: object = context.env) =>
  toolSources(
    { ...context, env: { ...env } },
    { ...none, ...flags },
    { config: { ...NO_CONFIG, ...config }, folder: '/site' },
  );

it('are none by default', () => {
  expect(sources()).toEqual({ helm: [] });
});

it('are in the folder of the plugin, unless another is named', () => {
  expect(sources({ includePlugin: true })).toEqual({ packages: '/plugins/airgap/packages', helm: [] });
  expect(sources({ includePlugin: true, packages: 'p' })).toEqual({ packages: '/here/p', helm: [] });
  expect(sources({}, { includePlugin: true, packages: 'p' })).toEqual({ packages: '/site/p', helm: [] });
  expect(sources({ packages: 'q' }, { includePlugin: true, packages: 'p' })).toEqual({ packages: '/here/q', helm: [] });
});

it('begin with those of the flags', () => {
  expect(sources({ includeHelm: ['a'] }, { includeHelm: ['b', '/c'] })).toEqual({ helm: ['/here/a', '/site/b', '/c'] });
});

it('are refused where nothing says where they are', () => {
  expect(() => sources({ packages: 'p' })).toThrow(expect.objectContaining({ code: 'usage' }));
  const unknown = expect.objectContaining({ code: 'usage', hint: expect.stringContaining('--packages') });
  expect(() => sources({ includePlugin: true }, {}, {})).toThrow(unknown);
});
