import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { compileWithModules } from '../../support/go.ts';
import { pageBlocks } from '../../support/page.ts';
import { pythonPrograms } from '../../support/python.ts';
import { scratchFolder } from '../../support/scratch.ts';

/**
 * The VPC endpoints of docs/guides/bootstrap-scripts.md, as CloudFormation and as Terraform: cfn-lint knows the properties of
 * resources, HashiCorp's parser is Terraform's.
 */

const folder = scratchFolder();
const blocks = pageBlocks('docs/guides/bootstrap-scripts.md');
const textOf = (name: string): string => blocks.find(({ mark }) => mark === `file=${name}`)?.text ?? '';
const template = textOf('endpoints.yaml');
const terraform = textOf('endpoints.tf');

const linter = pythonPrograms('cfn-lint', ['cfn-lint==1.58.0']);
const parser = join(folder, 'hcl');
let withoutLinter: string | undefined;
let withoutParser: string | undefined;

beforeAll(() => {
  withoutLinter = linter.missing();
  withoutParser = compileWithModules('hcl', parser);
}, 260_000);

interface Block {
  readonly type: string;
  readonly labels: readonly string[];
  readonly attributes: Readonly<Record<string, string>>;
  readonly blocks: readonly Block[];
}

/** Runs a program on a file with this text. */
function run(program: string, args: readonly string[], name: string, text: string) {
  const file = join(folder, name);
  writeFileSync(file, text);
  return spawnSync(program, [...args, file], { encoding: 'utf8', timeout: 60_000, cwd: folder });
}

const lint = (text: string) =>
  run(join(linter.bin, 'cfn-lint'), ['--regions', 'eu-central-1', 'us-gov-west-1', '--'], 'endpoints.yaml', text);

/** Services of the interface endpoints in the template, in its order. */
function services(): string[] {
  const tag = (name: string) => ({ tag: `!${name}`, resolve: (text: string) => ({ [name]: text }) });
  const { Resources } = parse(template, { customTags: [tag('Ref'), tag('Sub')] });
  return Resources['Fn::ForEach::Endpoints'][1];
}

it('cfn-lint finds nothing in the template', ({ skip }) => {
  if (withoutLinter !== undefined) skip(withoutLinter);
  expect(lint(template)).toMatchObject({ status: 0, stdout: '' });
});

it('cfn-lint finds a wrong property, and a reference to nothing, in it', ({ skip }) => {
  if (withoutLinter !== undefined) skip(withoutLinter);
  const wrong = template.replace('PrivateDnsEnabled', 'PrivateDns').replace('[!Ref Https]', '[!Ref Http]');
  expect(wrong).toContain('PrivateDns:');
  expect(wrong).toContain('[!Ref Http]');
  const { status, stdout } = lint(wrong);
  expect(status).toBe(2);
  // One finding each.
  expect(stdout).toMatch(/^E\d+ .*'PrivateDns'/m);
  expect(stdout).toMatch(/^E\d+ .*'Http'/m);
});

it('Terraform reads the same endpoints', ({ skip }) => {
  if (withoutParser !== undefined) skip(withoutParser);
  const { status, stdout, stderr } = run(parser, [], 'endpoints.tf', terraform);
  expect([status, stderr]).toEqual([0, '']);
  const parsed: Block[] = JSON.parse(stdout);
  const variables = parsed.filter(({ type }) => type === 'variable').flatMap(({ labels }) => labels);
  const resources = parsed.filter(({ type }) => type === 'resource');
  const [group, gateway, endpoints] = resources;
  expect(resources.map(({ labels }) => labels)).toEqual([
    ['aws_security_group', 'https'],
    ['aws_vpc_endpoint', 's3'],
    ['aws_vpc_endpoint', 'interface'],
  ]);
  expect(group?.blocks[0]?.attributes).toMatchObject({ from_port: '443', to_port: '443' });
  expect(gateway?.attributes).toMatchObject({ vpc_endpoint_type: '"Gateway"' });
  expect(gateway?.attributes.service_name).toMatch(/\.s3"$/);
  expect(endpoints?.attributes).toMatchObject({ vpc_endpoint_type: '"Interface"', private_dns_enabled: 'true' });
  expect(JSON.parse(/^toset\((.*)\)$/.exec(endpoints?.attributes.for_each ?? '')?.[1] ?? '')).toEqual(services());
  const used = new Set([...terraform.matchAll(/\bvar\.(\w+)/g)].map(([, name]) => name));
  expect([...used].sort()).toEqual([...variables].sort());
});

it('Terraform does not read a page that is cut off', ({ skip }) => {
  if (withoutParser !== undefined) skip(withoutParser);
  const { status, stderr } = run(parser, [], 'cut.tf', terraform.slice(0, -4));
  expect(status).toBe(1);
  expect(stderr).toContain('cut.tf');
});

it('every endpoint has a reason in the table, and the required ones are there', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/guides/bootstrap-scripts.md'), 'utf8');
  const [, section = ''] = page.split('## VPC endpoints');
  const named = [...section.matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  expect(services().filter((service) => !named.includes(service))).toEqual([]);
  expect(services()).toEqual(expect.arrayContaining(['ecr.api', 'ecr.dkr', 'sts', 'eks-auth', 'ec2', 'logs']));
});
