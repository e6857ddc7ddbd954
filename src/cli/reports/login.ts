import type { LoginResult, PrintedSecret, TriedLogin } from '../../workflows/login/login.ts';
import type { Report } from './report.ts';
import { displayPath, joinLines } from './text.ts';

/** Formats where a login was stored, and how long it is valid. */
export function loginReport({ stored, ...tried }: LoginResult, cwd: string): Report {
  const { registry, username, expires } = tried;
  const places = stored.map(({ file, helper }) => {
    const shown = displayPath(file, cwd);
    return helper === undefined ? shown : `docker-credential-${helper} (named in ${shown})`;
  });
  const plain = stored.some(({ helper }) => helper === undefined);
  const notes = [
    ...(expires === undefined ? [] : [`the login is valid until ${expires}`]),
    ...uncheckedNotes(tried),
    ...(plain ? ['files hold the password unencrypted, for you only; a credential helper would encrypt it'] : []),
  ];
  return {
    result: [joinLines([`logged in to ${registry} as ${username}: stored in ${places.join(', ')}`])],
    notes: notes.length === 0 ? [] : [joinLines(notes)],
  };
}

/** Formats what to know about a printed pull secret. */
export function pullSecretNotes({ notes, ...tried }: PrintedSecret): Report {
  const lines = [...notes, ...uncheckedNotes(tried)];
  return { result: [], notes: lines.length === 0 ? [] : [joinLines(lines)] };
}

function uncheckedNotes({ registry, checked }: TriedLogin): string[] {
  return checked ? [] : [`${registry} answers without a login, so it is not known whether the password is right`];
}
