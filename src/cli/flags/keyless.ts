import { readFile, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AirgapError } from '../../base/errors.ts';
import { reasonOf } from '../../base/file-failure.ts';
import type { IdentityRule, TextRule } from '../../sigstore/identity.ts';
import type { TrustedRoot } from '../../sigstore/trusted-root.ts';
import type { SignaturePolicy, SignatureRule } from '../../workflows/bundle/signature-policy.ts';
import type { Config } from '../config/schema.ts';
import { type FlagsOf, flagGroup } from './option.ts';
import { imageKeys, verifySignaturesOption } from './signatures.ts';

/** Adds the flags that say who must have signed the images. Those about certificates are named as in cosign. */
export const addSignerFlags = flagGroup((command) =>
  command
    .addOption(verifySignaturesOption())
    .option('--certificate-identity <identity>', 'require a keyless signature of every image by this identity')
    .option('--certificate-identity-regexp <regexp>', 'the same by an identity in which this expression matches')
    .option('--certificate-oidc-issuer <issuer>', 'OIDC issuer of that identity, such as https://accounts.google.com')
    .option('--certificate-oidc-issuer-regexp <regexp>', 'the same by an expression that matches in the issuer')
    .option('--trusted-root <file>', "sigstore's trusted_root.json, by which keyless signatures are verified offline"),
);

export type SignerFlags = FlagsOf<typeof addSignerFlags>;

/** The section of the configuration file, and its folder. */
export interface ConfiguredSignatures {
  readonly config: Pick<Config, 'signatures'>;
  readonly folder: string;
}

/** Required signatures, and the root that is carried along. */
export interface RequiredSignatures {
  readonly policy: SignaturePolicy | undefined;
  readonly trustedRoot: TrustedRoot | undefined;
}

/**
 * Returns the required signatures: those of the flags, for every image, or the rules of the configuration file.
 * @param command that requires them: `bundle` carries a root along without a use for it, and `verify` finds one in the bundle
 * @throws AirgapError `usage`, `config`, `file`
 */
export async function requiredSignatures(
  flags: SignerFlags,
  { config: { signatures }, folder }: ConfiguredSignatures,
  cwd: string,
  command: 'bundle' | 'mirror' | 'verify',
): Promise<RequiredSignatures> {
  const given = await flagRule(flags);
  const rules = given === undefined ? await configuredRules(signatures, folder) : [given];
  const path =
    flags.trustedRoot !== undefined
      ? resolve(cwd, flags.trustedRoot)
      : signatures?.trustedRoot && resolve(folder, signatures.trustedRoot);
  const trustedRoot = path === undefined ? undefined : await readTrustedRoot(path);
  if (rules.length === 0 && flags.trustedRoot !== undefined && command !== 'bundle') {
    throw new AirgapError('usage', '--trusted-root needs --certificate-identity', {
      hint: 'name the identity and the issuer of the signatures, or leave out --trusted-root',
    });
  }
  if (trustedRoot === undefined && command !== 'verify' && rules.some(({ identities }) => identities.length > 0)) {
    throw new AirgapError('usage', 'keyless signatures cannot be verified without a trusted root', {
      hint: "give sigstore's trusted_root.json with --trusted-root FILE: cosign trusted-root create writes one",
    });
  }
  return { policy: rules.length === 0 ? undefined : { rules, trustedRoot }, trustedRoot };
}

/** Returns one of the flags that was given; undefined without any. */
export function givenSignerFlag({ verifySignatures, ...flags }: SignerFlags): string | undefined {
  if (verifySignatures.length > 0) return '--verify-signatures';
  const { certificateIdentity, certificateIdentityRegexp, certificateOidcIssuer, certificateOidcIssuerRegexp } = flags;
  if (flags.trustedRoot !== undefined) return '--trusted-root';
  const values = [certificateIdentity, certificateIdentityRegexp, certificateOidcIssuer, certificateOidcIssuerRegexp];
  return values.some((value) => value !== undefined) ? '--certificate-identity' : undefined;
}

/** Returns the rule of the flags, for all images; undefined without any. @throws AirgapError `usage`, `file` */
async function flagRule(flags: SignerFlags): Promise<SignatureRule | undefined> {
  const identity = await textRule('--certificate-identity', flags.certificateIdentity, flags.certificateIdentityRegexp);
  const issuer = await textRule(
    '--certificate-oidc-issuer',
    flags.certificateOidcIssuer,
    flags.certificateOidcIssuerRegexp,
  );
  if ((identity === undefined) !== (issuer === undefined)) {
    const [given, missing] =
      identity === undefined
        ? ['--certificate-oidc-issuer', '--certificate-identity']
        : ['--certificate-identity', '--certificate-oidc-issuer'];
    throw new AirgapError('usage', `${given} needs ${missing} or ${missing}-regexp`, {
      hint: 'an identity is worth as much as its issuer: name both, as for cosign verify',
    });
  }
  const identities: IdentityRule[] = identity && issuer ? [{ identity, issuer }] : [];
  const keys = await imageKeys(flags.verifySignatures);
  return keys.length + identities.length === 0 ? undefined : { images: '*', keys, identities };
}

/** @throws AirgapError `usage` */
async function textRule(
  flag: string,
  exact: string | undefined,
  pattern: string | undefined,
): Promise<TextRule | undefined> {
  if (exact === undefined && pattern === undefined) return undefined;
  if (exact !== undefined && pattern !== undefined) {
    throw new AirgapError('usage', `${flag} and ${flag}-regexp cannot be used together`, {
      hint: 'leave one of them out',
    });
  }
  if (exact === '' || pattern === '') {
    throw new AirgapError('usage', `${flag}${exact === undefined ? '-regexp' : ''} is empty`, {
      hint: 'give the value that cosign verify would take',
    });
  }
  const rule = pattern === undefined ? { exact: exact ?? '' } : { pattern };
  const { textRuleProblem } = await import('../../sigstore/identity.ts');
  const problem = textRuleProblem(rule);
  if (problem === undefined) return rule;
  throw new AirgapError('usage', `${flag}-regexp ${problem}`, {
    hint: "write it as in JavaScript, such as '^v[0-9]+'",
  });
}

/** @throws AirgapError `usage`, `file` for a key */
function configuredRules(signatures: Config['signatures'], folder: string): Promise<SignatureRule[]> {
  return Promise.all(
    (signatures?.rules ?? []).map(async ({ images, key, unsigned, ...signer }) => {
      const identity = configuredText(signer.identity, signer.identityRegexp);
      const issuer = configuredText(signer.issuer, signer.issuerRegexp);
      return {
        images,
        keys: await imageKeys([key ?? []].flat().map((file) => resolve(folder, file))),
        identities: identity && issuer ? [{ identity, issuer }] : [],
        ...(unsigned !== undefined && { unsigned }),
      };
    }),
  );
}

function configuredText(exact: string | undefined, pattern: string | undefined): TextRule | undefined {
  if (exact !== undefined) return { exact };
  return pattern === undefined ? undefined : { pattern };
}

/** @throws AirgapError `file` if it cannot be read, `usage` if it is no trusted root */
async function readTrustedRoot(path: string): Promise<TrustedRoot> {
  const { parseTrustedRoot, TRUSTED_ROOT_LIMIT } = await import('../../sigstore/trusted-root.ts');
  try {
    const { size } = await stat(path);
    // Parsing refuses it; its content is not needed for that.
    return parseTrustedRoot(
      size > TRUSTED_ROOT_LIMIT ? Buffer.alloc(TRUSTED_ROOT_LIMIT + 1) : await readFile(path),
      path,
    );
  } catch (cause) {
    if (cause instanceof AirgapError) throw cause;
    throw new AirgapError('file', `the trusted root ${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
