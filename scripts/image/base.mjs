import { debianFiles } from './debian.mjs';
import { filesOf } from './layer.mjs';

/** User and group of the image. */
export const USER = 65532;
/** Home of the user, and working folder. */
export const [HOME, WORK] = ['/var/lib/airgap', '/workspace'];

/** Programs of busybox that have a name of their own: those of POSIX that scripts of pipelines use, and some that everybody expects. */
const APPLETS =
  'ash awk base64 basename cat chmod chown cmp cp cut date dd df diff dirname du echo egrep env expr false fgrep find grep gunzip ' +
  'gzip head hostname id install kill ln ls md5sum mkdir mktemp mv nproc od paste printf ps pwd readlink realpath rm rmdir sed seq ' +
  'sh sha256sum sha512sum sleep sort split stat tail tar tee test timeout touch tr true tty uname uniq vi wc which xargs yes zcat';

const LICENSED = /^usr\/share\/(?:doc\/[^/]+\/copyright|common-licenses\/)/;
const DOCUMENTATION = /^usr\/share\/(?:doc|man|lintian|info)\//;

/**
 * Returns the base layer: Debian's C library, which the plugin's Node needs, a shell and certificate authorities. Of the packages'
 * documentation only licences are kept.
 */
export async function baseFiles(root, architecture) {
  const files = await debianFiles(root, architecture);
  for (const [path, { type }] of files)
    if (type !== 'Directory' && DOCUMENTATION.test(path) && !isLicence(path, type)) files.delete(path);
  for (const [path, { type }] of files)
    if (type === 'Directory' && DOCUMENTATION.test(path) && !hasChild(files, path)) files.delete(path);
  // What update-ca-certificates would write.
  const authorities = [...files].filter(([path]) => /^usr\/share\/ca-certificates\/.*\.crt$/.test(path)).sort();
  const bundle = authorities.map(([, { bytes }]) => `${bytes.toString('latin1').trimEnd()}\n`).join('');
  for (const name of APPLETS.split(' '))
    files.set(`bin/${name}`, { type: 'SymbolicLink', mode: 0o777, linkpath: 'busybox' });
  files.set('usr/bin/env', { type: 'SymbolicLink', mode: 0o777, linkpath: '../../bin/busybox' });
  const open = { type: 'Directory', mode: 0o1777 };
  return new Map([
    ...files,
    ...filesOf({
      'etc/ssl/certs/ca-certificates.crt': bundle,
      'etc/passwd': `root:x:0:0:root:/root:/bin/sh\nairgap:x:${USER}:${USER}:airgap:${HOME}:/bin/sh\n`,
      'etc/group': `root:x:0:\nairgap:x:${USER}:\n`,
    }),
    ['tmp', open],
    // Pipelines run images as any user, who has to write here.
    [HOME.slice(1), open],
    [WORK.slice(1), open],
  ]);
}

/** Links in doc/ lead to the folder of another package, which has the licence of both. */
function isLicence(path, type) {
  return LICENSED.test(path) || (type === 'SymbolicLink' && /^usr\/share\/doc\/[^/]+$/.test(path));
}

function hasChild(files, folder) {
  for (const path of files.keys()) if (path.startsWith(`${folder}/`)) return true;
  return false;
}
