import manifest from '../../package.json' with { type: 'json' };

/** Version from package.json; a test checks that plugin.yaml has the same. */
export const VERSION: string = manifest.version;
