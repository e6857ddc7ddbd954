import { isJsonTooDeep } from '../../base/depth.ts';
import { AirgapError } from '../../base/errors.ts';
import { isMapping } from '../../base/mapping.ts';
import { ACCESS_LEVELS, type AccessLevel } from '../../inventory/access.ts';

/** Pulling, and looking at what there is: the registry's `read-only`. */
const READ = [
  'ecr:BatchCheckLayerAvailability',
  'ecr:BatchGetImage',
  'ecr:DescribeImages',
  'ecr:GetDownloadUrlForLayer',
  'ecr:ListImages',
];
const WRITE = ['ecr:CompleteLayerUpload', 'ecr:InitiateLayerUpload', 'ecr:PutImage', 'ecr:UploadLayerPart'];
/** Not among them: deleting the repository, and its policy, with which an administrator could give rights to anyone. */
const ADMINISTER = [
  'ecr:BatchDeleteImage',
  'ecr:DescribeImageScanFindings',
  'ecr:DescribeRepositories',
  'ecr:GetLifecyclePolicy',
  'ecr:GetRepositoryPolicy',
  'ecr:PutImageScanningConfiguration',
  'ecr:PutImageTagMutability',
  'ecr:PutLifecyclePolicy',
  'ecr:StartImageScan',
];

/** Actions of ECR for each right; docs/access.md has them as a table. */
const ACTIONS: Readonly<Record<AccessLevel, readonly string[]>> = {
  'read-only': READ,
  'read-write': [...READ, ...WRITE].sort(),
  admin: [...READ, ...WRITE, ...ADMINISTER].sort(),
};

/** Statement IDs by which statements of this command are recognized. */
const SIDS: Readonly<Record<AccessLevel, string>> = {
  'read-only': 'AirgapAccessReadOnly',
  'read-write': 'AirgapAccessReadWrite',
  admin: 'AirgapAccessAdmin',
};

/** Change of a principal's right. `from` is absent for a new principal, `to` for one that loses its right. */
interface PrincipalChange {
  readonly principal: string;
  readonly from?: AccessLevel;
  readonly to?: AccessLevel;
}

/** Policy that a repository should have, and how it differs. */
export interface PolicyChange {
  /** Complete policy, compact JSON; undefined if no statement is left, and the policy has to be deleted. */
  readonly text: string | undefined;
  readonly principals: readonly PrincipalChange[];
  /** Statements of this command that were edited, and are written again. */
  readonly rewritten: readonly string[];
  /** Number of statements that this command did not write. They stay as they are. */
  readonly others: number;
}

type Statement = Readonly<Record<string, unknown>>;

/**
 * Returns what has to change for principals to have these rights; undefined if nothing has to. Statements of this command
 * are replaced, all others stay.
 * @param existing policy of the repository
 * @throws AirgapError `unsupported` if it is not a policy
 */
export function changePolicy(
  existing: string | undefined,
  rights: ReadonlyMap<string, AccessLevel>,
): PolicyChange | undefined {
  const policy = existing === undefined ? { Version: '2012-10-17' } : parsePolicy(existing);
  const statements = statementsOf(policy);
  const own = statements.filter(isOwn);
  const others = statements.filter((statement) => !isOwn(statement));
  const wanted = ACCESS_LEVELS.flatMap((level) => statementFor(level, rights));
  if (canonical(own) === canonical(wanted)) return undefined;
  const before = rightsOf(own);
  const names = [...new Set([...before.keys(), ...rights.keys()])].sort();
  const principals = names.flatMap((principal): PrincipalChange[] => {
    const [from, to] = [before.get(principal), rights.get(principal)];
    return from === to ? [] : [{ principal, ...(from && { from }), ...(to && { to }) }];
  });
  const rewritten = own
    .filter((statement) => !isAsWritten(statement))
    .map(({ Sid }) => String(Sid))
    .sort();
  const all = [...others, ...wanted];
  const text = all.length === 0 ? undefined : JSON.stringify({ ...policy, Statement: all });
  return { text, principals, rewritten, others: others.length };
}

/** @throws AirgapError `unsupported` */
function parsePolicy(text: string): Statement {
  let policy: unknown;
  try {
    if (!isJsonTooDeep(text)) policy = JSON.parse(text);
  } catch {
    // Refused below.
  }
  if (isMapping(policy)) return policy;
  throw new AirgapError('unsupported', 'its policy is left as it is: it cannot be read');
}

function statementsOf({ Statement: statements = [] }: Statement): readonly Statement[] {
  return [statements].flat().map((statement) => {
    if (isMapping(statement)) return statement;
    throw new AirgapError('unsupported', 'its policy is left as it is: a statement is not a JSON object');
  });
}

function isOwn({ Sid }: Statement): boolean {
  return levelOf(Sid) !== undefined;
}

function levelOf(sid: unknown): AccessLevel | undefined {
  return ACCESS_LEVELS.find((level) => SIDS[level] === sid);
}

function statementFor(level: AccessLevel, rights: ReadonlyMap<string, AccessLevel>): Statement[] {
  const principals = [...rights].flatMap(([principal, own]) => (own === level ? [principal] : [])).sort();
  if (principals.length === 0) return [];
  return [{ Sid: SIDS[level], Effect: 'Allow', Principal: { AWS: principals }, Action: ACTIONS[level] }];
}

/** Returns the rights of principals by statements of this command. */
function rightsOf(statements: readonly Statement[]): ReadonlyMap<string, AccessLevel> {
  const rights = new Map<string, AccessLevel>();
  for (const level of ACCESS_LEVELS) {
    for (const { Sid, Principal } of statements) {
      if (levelOf(Sid) === level) for (const name of principalsOf(Principal)) rights.set(name, level);
    }
  }
  return rights;
}

function principalsOf(principal: unknown): readonly string[] {
  return isMapping(principal) ? textsOf(principal.AWS) : textsOf(principal);
}

/** ECR gives a list with one entry as a text. */
function textsOf(value: unknown): readonly string[] {
  return [value ?? []].flat().map(String);
}

/** Reports whether a statement is one that this command writes, for any principals. */
function isAsWritten(statement: Statement): boolean {
  const level = levelOf(statement.Sid);
  if (level === undefined) return false;
  const principals = principalsOf(statement.Principal);
  return canonical([statement]) === canonical(statementFor(level, new Map(principals.map((name) => [name, level]))));
}

/** Serializes statements so that the same content gives the same text. The order of statements, lists and keys does not count. */
function canonical(statements: readonly Statement[]): string {
  return JSON.stringify(statements.map((statement) => JSON.stringify(sorted(statement))).sort());
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const texts = value.map((each) => JSON.stringify(sorted(each))).sort();
    return texts.length === 1 ? sorted(value[0]) : texts;
  }
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
