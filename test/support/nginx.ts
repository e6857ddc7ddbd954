import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from './child.ts';
import { freePort } from './registry.ts';
import { scratchFolder } from './scratch.ts';

/** nginx on loopback in front of a registry. */
export interface Nginx {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `127.0.0.1:PORT` of another port that the configuration may use. */
  readonly other: string;
  stop(): Promise<void>;
}

/**
 * Starts nginx with the directives of a `server` block. HOST and OTHER are replaced by its two addresses, FOLDER by the folder
 * with `files`, ONWARD by the directives that proxy requests to `upstream`.
 */
export async function startNginx(
  upstream: string,
  server: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Nginx> {
  const folder = scratchFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const [host, other] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const filled = server.replaceAll('HOST', host).replaceAll('OTHER', other).replaceAll('FOLDER', folder);
  const names = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = names.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  mkdirSync(join(folder, 'logs'));
  const onward = `proxy_pass http://${upstream}; proxy_set_header Host $http_host; proxy_set_header X-Forwarded-Proto $scheme; proxy_request_buffering off;`;
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn; events {}
    http { access_log off; ${temporary} server { listen ${host}; ${filled.replace('ONWARD', onward)} } }`,
  );
  const env = { PATH: `${process.env.PATH}${delimiter}/usr/sbin` };
  const args = ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')];
  const { process: child, log, stop } = startChild('nginx', args, env);
  for (const until = Date.now() + 10_000; Date.now() < until && child.exitCode === null; await sleep(20)) {
    if (await listens(host)) return { host, other, stop };
  }
  await stop();
  throw new Error(`nginx does not listen on ${host}: ${log()}`);
}

function listens(host: string): Promise<boolean> {
  const [address, port] = host.split(':');
  return new Promise((resolve) => {
    const socket = connect(Number(port), address);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
