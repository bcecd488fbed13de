import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';
import { findCommand, installDebianPackages } from './install.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const LAUNCH_TIMEOUT_MS = 60_000;

const HOW_TO_GET_ONE = `No Chromium for the browser tests was found, and none could be installed. Any of these helps:
  - set CHROMIUM_PATH to a Chromium or Chrome
  - put chromium or google-chrome on the PATH (Debian: apt-get install chromium)
  - run the tests as root on Debian, so that it can be installed`;

/** Starts a real browser without a window, or says how to get one. */
export async function launchChromium(): Promise<Browser> {
  return await chromium.launch({
    executablePath: await findChromium(),
    // Without a sandbox, because root has none; the page is this project's own. A container's /dev/shm is too small.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
    timeout: LAUNCH_TIMEOUT_MS,
  });
}

/** The browser that CHROMIUM_PATH names, else the one on the PATH, else one that is installed now. */
async function findChromium(): Promise<string> {
  const given = process.env['CHROMIUM_PATH'];
  if (given !== undefined && given !== '') return given;
  const found = await findCommand(NAMES);
  if (found !== null) return found;
  try {
    await installDebianPackages('chromium');
  } catch (error) {
    throw new Error(`${HOW_TO_GET_ONE}\n(${String(error)})`, { cause: error });
  }
  const installed = await findCommand(NAMES);
  if (installed === null) throw new Error(HOW_TO_GET_ONE);
  return installed;
}
