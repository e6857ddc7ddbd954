/** A pattern of names in which `*` stands for anything, as a test on whole names. */
export function wildcard(pattern: string): RegExp {
  const quote = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${pattern.split('*').map(quote).join('.*')}$`);
}
