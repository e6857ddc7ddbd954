import manifest from '../../package.json' with { type: 'json' };

/** Version from package.json; a test checks that plugin.yaml has the same. */
export const VERSION: string = manifest.version;

/** Defined by scripts/build.mjs. */
declare const AIRGAP_COMMIT: string | undefined;

/** Commit of the build, followed by `-dirty` if its sources were changed; `unknown` if they were not in a git checkout. */
export const COMMIT: string = typeof AIRGAP_COMMIT === 'string' ? AIRGAP_COMMIT : 'unknown';
