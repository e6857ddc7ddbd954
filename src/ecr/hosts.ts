/** Parsed host name of a private ECR registry. */
export interface EcrHost {
  /** Host in lower case. */
  readonly host: string;
  /** Account id; undefined when the host name has none, which means the caller's own account. */
  readonly account: string | undefined;
  readonly region: string;
  readonly fips: boolean;
  /** True for the dual-stack name (IPv4 and IPv6). */
  readonly dualStack: boolean;
}

/** Declares a host without an AWS name as ECR: a proxy, a custom name of a VPC endpoint, an emulator. */
export interface EcrHostDeclaration {
  readonly host: string;
  readonly region: string;
  readonly account?: string;
}

/**
 * DNS suffixes of ECR registries by partition, from the SDK's partition table. The partitions do not overlap, so a
 * region is not checked against its suffix.
 */
const SUFFIXES: readonly string[] = [
  'amazonaws.com', // aws, aws-us-gov
  'amazonaws.com.cn', // aws-cn
  'amazonaws.eu', // aws-eusc
  'c2s.ic.gov', // aws-iso
  'sc2s.sgov.gov', // aws-iso-b
  'cloud.adc-e.uk', // aws-iso-e
  'csp.hci.ic.gov', // aws-iso-f
];

/** DNS suffixes of dual-stack names. */
const DUAL_STACK_SUFFIXES: readonly string[] = [
  'on.aws', // aws, aws-us-gov
  'on.amazonwebservices.com.cn', // aws-cn
  'on.amazonwebservices.eu', // aws-eusc
];

const REGION = String.raw`(?<region>[a-z]{2,}(?:-[a-z]+)+-\d+)`;
const ACCOUNT_REGION = String.raw`(?<account>\d{12})\.dkr{dot}ecr(?<fips>-fips)?\.${REGION}`;
const CLASSIC = pattern('.', SUFFIXES);
const DUAL_STACK = pattern('-', DUAL_STACK_SUFFIXES);
/** Name of a VPC interface endpoint, which has no account: `vpce-….dkr.ecr.REGION.vpce.SUFFIX`. */
const VPC_ENDPOINT = new RegExp(
  String.raw`^vpce-[\da-z-]+\.dkr\.ecr(?<fips>-fips)?\.${REGION}\.vpce\.(?:${alternatives(SUFFIXES)})$`,
);

/** Host of ECR's public registry, for all regions. */
export const ECR_PUBLIC_HOST = 'public.ecr.aws';

/** The same registry for IPv4 and IPv6 (Amazon ECR Public User Guide, "Making requests using dual-stack endpoints"). */
export const ECR_PUBLIC_DUAL_STACK_HOST = 'ecr-public.aws.com';

/** The only region of ECR Public's API. */
export const ECR_PUBLIC_REGION = 'us-east-1';

/** Reports whether a host is ECR's public registry. */
export function isEcrPublic(host: string): boolean {
  return host.toLowerCase() === ECR_PUBLIC_HOST;
}

/** Kinds of registries in which repositories must be created before a push. */
export type EcrKind = 'private' | 'public';

/** Returns the kind of a registry; undefined for one that creates repositories on push. */
export function ecrKind(registry: string, declared?: readonly EcrHostDeclaration[]): EcrKind | undefined {
  if (isEcrPublic(registry)) return 'public';
  return ecrHost(registry, declared) === undefined ? undefined : 'private';
}

/** Parses the host name of a private ECR registry of any partition; undefined for any other host. */
export function parseEcrHost(host: string): EcrHost | undefined {
  const lower = host.toLowerCase();
  const dualStack = DUAL_STACK.exec(lower);
  const { account, region, fips } = (dualStack ?? CLASSIC.exec(lower) ?? VPC_ENDPOINT.exec(lower))?.groups ?? {};
  if (region === undefined) return undefined;
  return { host: lower, account, region, fips: fips !== undefined, dualStack: dualStack !== null };
}

/** Partitions by the beginning of their regions' names, from the SDK's partition table. Every other region is in `aws`. */
const PARTITIONS: Readonly<Record<string, string>> = {
  'cn-': 'aws-cn',
  'us-gov-': 'aws-us-gov',
  'eusc-': 'aws-eusc',
  'us-iso-': 'aws-iso',
  'us-isob-': 'aws-iso-b',
  'eu-isoe-': 'aws-iso-e',
  'us-isof-': 'aws-iso-f',
};

/** Returns the partition of a registry, the second part of the ARNs in it: `aws`, `aws-cn`. */
export function partitionOf({ region }: Pick<EcrHost, 'region'>): string {
  return Object.entries(PARTITIONS).find(([start]) => region.startsWith(start))?.[1] ?? 'aws';
}

/** Like {@link parseEcrHost}, including declared hosts; a declaration takes precedence. */
export function ecrHost(host: string, declared: readonly EcrHostDeclaration[] = []): EcrHost | undefined {
  const lower = host.toLowerCase();
  const found = declared.find((declaration) => declaration.host.toLowerCase() === lower);
  if (found === undefined) return parseEcrHost(lower);
  const { account, region } = found;
  return { host: lower, account, region, fips: false, dualStack: false };
}

function pattern(dot: '.' | '-', suffixes: readonly string[]): RegExp {
  return new RegExp(`^${ACCOUNT_REGION.replace('{dot}', `\\${dot}`)}\\.(?:${alternatives(suffixes)})$`);
}

function alternatives(suffixes: readonly string[]): string {
  return suffixes.map((suffix) => suffix.replaceAll('.', '\\.')).join('|');
}
