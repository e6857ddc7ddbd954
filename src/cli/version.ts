import manifest from '../../package.json' with { type: 'json' };

/** As package.json has it; plugin.yaml says the same (a test compares them). */
export const VERSION: string = manifest.version;
