export {
  effectiveCommand,
  type HelmCommand,
  helmCommand,
  inlineScript,
  parseAssignment,
  parseHelmArguments,
  programName,
} from './commands.ts';
export { type ShellWord, shellCommands } from './lexer.ts';
export { ContainerContext, shellWords, substituteVariables, type VariableLookup, Variables } from './variables.ts';
