import { createRequire } from 'node:module';

const load = createRequire(import.meta.url);

/**
 * Gives the function that loads a package when it is first called, at once and not by a promise, and keeps it: for what
 * most processes never need. The package is one in CommonJS. To `import` such a one costs several times as much besides, as
 * its text is searched for names first.
 *
 * @param name - as in `require`
 * @returns what the package exports; whoever loads it knows its type
 */
export function loadLater(name: string): () => unknown {
  let loaded: unknown;
  return () => (loaded ??= load(name) as unknown);
}
