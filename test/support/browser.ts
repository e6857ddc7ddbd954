import { existsSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { scratchFolder } from './scratch.ts';

const CHROMIUM = '/usr/bin/chromium';

/** Returns why pages cannot be opened here; undefined if they can. */
export function withoutBrowser(): string | undefined {
  return existsSync(CHROMIUM) ? undefined : "Debian's chromium is not installed: run scripts/setup --tests as root";
}

export interface BrowserOptions {
  /** Default: true. */
  readonly javaScript?: boolean;
  /** Lets a test add scripts of its own to pages whose policy forbids them. */
  readonly bypassCSP?: boolean;
}

/** Starts Debian's Chromium with a profile of its own, which asks no host for anything. */
export function startBrowser({ javaScript = true, bypassCSP = false }: BrowserOptions = {}): Promise<BrowserContext> {
  return chromium.launchPersistentContext(join(scratchFolder(), 'profile'), {
    executablePath: CHROMIUM,
    headless: true,
    javaScriptEnabled: javaScript,
    bypassCSP,
    args: [
      ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
      ...['--disable-background-networking', '--disable-component-update'],
    ],
  });
}

/** What a page did besides showing itself. */
export interface PageEvents {
  /** Messages on the console, and uncaught errors. */
  readonly errors: string[];
  /** Addresses asked for. */
  readonly requests: string[];
}

/** Notes what a page does from now on. */
export function watchPage(page: Page): PageEvents {
  const events: PageEvents = { errors: [], requests: [] };
  page.on('console', (message) => events.errors.push(message.text()));
  page.on('pageerror', (error) => events.errors.push(error.message));
  page.on('request', (request) => events.requests.push(request.url()));
  return events;
}

/** Returns the serious and critical findings of axe. The context must bypass the page's policy. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = (await page.evaluate('axe.run()')) as axe.AxeResults;
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}
