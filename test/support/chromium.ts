import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { findCommand } from './s3.ts';

const run = promisify(execFile);

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

const HOW_TO_GET_ONE = `No Chromium for the browser tests was found, and none could be installed. Any of these helps:
  - set CHROMIUM_PATH to a Chromium or Chrome
  - put chromium or google-chrome on the PATH (Debian: apt-get install chromium)`;

/** Starts a real browser without a window, or says how to get one. */
export async function launchChromium(): Promise<Browser> {
  // Without a sandbox, because root has none; the page is this project's own.
  return await chromium.launch({ executablePath: await findChromium(), args: ['--no-sandbox'], timeout: 60_000 });
}

async function findChromium(): Promise<string> {
  const given = process.env['CHROMIUM_PATH'];
  if (given !== undefined && given !== '') return given;
  const found = await findOnPath();
  if (found !== null) return found;
  const isDebian = await access('/etc/debian_version').then(
    () => true,
    () => false,
  );
  if (isDebian && process.getuid?.() === 0) {
    process.stderr.write('Installing chromium for the browser tests (once) …\n');
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const install = ['install', '--yes', '--no-install-recommends', 'chromium'];
    await run('apt-get', install, { env, timeout: 270_000 }).catch((error: unknown) => {
      process.stderr.write(`Installing chromium failed: ${String(error).slice(0, 500)}\n`);
    });
    const installed = await findOnPath();
    if (installed !== null) return installed;
  }
  throw new Error(HOW_TO_GET_ONE);
}

async function findOnPath(): Promise<string | null> {
  for (const name of NAMES) {
    const found = await findCommand(name, []);
    if (found !== null) return found;
  }
  return null;
}
