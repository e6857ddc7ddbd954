import fc from 'fast-check';

/**
 * fast-check with a fixed seed, so that a run that fails fails again and an unrelated change never meets a new case.
 * AIRGAP_SEED explores others.
 */
fc.configureGlobal({ seed: Number(process.env.AIRGAP_SEED ?? 20261121) });

export default fc;
