import { readFileSync } from 'node:fs';

/**
 * The version of Tilewright, from its own package, which lies one folder up in the source and two in the build. There this
 * may be part of a larger file, in a folder beside its own.
 */
export function softwareVersion(): string {
  const depth = import.meta.url.endsWith('.ts') ? '..' : '../..';
  const text = readFileSync(new URL(`${depth}/package.json`, import.meta.url), 'utf8');
  const { version } = JSON.parse(text) as { readonly version: string };
  return version;
}
