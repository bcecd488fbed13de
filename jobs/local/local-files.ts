import { readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type * as z from 'zod';
import { digestOf } from '../../src/digest.ts';
import { TilerError, isAbsent, isTilerError, systemCodeOf } from '../../src/errors.ts';
import { parseStoreLocation } from '../../src/store/open-store.ts';

/** Where local runs to one output keep their files: beside the tiles of a folder, else in the state folder of this machine. */
export interface LocalPlace {
  /** The output; a folder is absolute. */
  readonly output: string;
  readonly folder: string;
  /** In the name of every file, where several outputs share the folder. */
  readonly suffix: string;
}

/** The files of one run. All but the journal are JSON, each replaced in one piece. */
export interface LocalPaths {
  readonly journal: string;
  /** How far it is, for whoever asks. */
  readonly status: string;
  /** What it renders, so that it can be taken up without the file of the request. */
  readonly request: string;
  /** The last command to its process. */
  readonly control: string;
}

const RUN_ID = /^[0-9a-f]{16}-[1-9]\d{0,9}$/;
const MIB = 1024 * 1024;

/** Where the files of an output's runs lie. @throws TilerError `REQUEST_INVALID` if the output is none */
export function localPlaceOf(output: string, stateDir: string): LocalPlace {
  const location = parseStoreLocation(output);
  const hashed = (name: string): string => `-${digestOf(name, 8)}`;
  if (location.kind !== 'folder') return { output, folder: resolve(stateDir), suffix: hashed(output) };
  const folder = resolve(location.path);
  const place = { folder: join(folder, '.tilewright') };
  // A folder may hold several archives.
  if (location.archive === undefined) return { ...place, output: folder, suffix: '' };
  return { ...place, output: join(folder, location.archive), suffix: hashed(location.archive) };
}

/** The files of a run. */
export function localPathsOf({ folder, suffix }: LocalPlace, run: string): LocalPaths {
  const path = (kind: string): string => join(folder, `${run}${suffix}.${kind}`);
  return {
    journal: path('journal'),
    status: path('status.json'),
    request: path('request.json'),
    control: path('control.json'),
  };
}

/** The run that a file of a place belongs to; null = none. */
function runOfFile({ suffix }: LocalPlace, name: string): string | null {
  const stem = name.slice(0, Math.max(0, name.indexOf('.')));
  if (!stem.endsWith(suffix) || !/\.(journal|status|request|control)(\.|$)/.test(name)) return null;
  const run = stem.slice(0, stem.length - suffix.length);
  return isRunId(run) ? run : null;
}

/** Paths of all files of a place by the run that they belong to. */
export async function filesByRun(place: LocalPlace): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = await readdir(place.folder).catch(noneIfAbsent(`Listing ${place.folder}`));
  const files = new Map<string, string[]>();
  for (const name of (names ?? []).sort((a, b) => (a < b ? -1 : 1))) {
    const run = runOfFile(place, name);
    if (run !== null) files.set(run, [...(files.get(run) ?? []), join(place.folder, name)]);
  }
  return files;
}

/** Removes files that may be gone. */
export async function removeFiles(paths: readonly string[]): Promise<void> {
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

/** True for a name that a run may have, and so for nothing that leads out of its folder. */
export function isRunId(name: string): boolean {
  return RUN_ID.test(name);
}

/** Writes a document so that a reader sees the old one or the new one. Others than the user cannot read it. */
export async function writeDocument(path: string, document: unknown, temporary = `${path}.tmp`): Promise<void> {
  await writeFile(temporary, `${JSON.stringify(document)}\n`, { mode: 0o600 });
  await rename(temporary, path);
}

/**
 * Reads a document that anybody may have written; null = none there.
 *
 * @throws TilerError `STORE_CONFLICT` for one of another kind, `STORE_UNAVAILABLE` if it cannot be read
 */
export async function readDocument<T>(path: string, schema: z.ZodType<T>, maxBytes = 16 * MIB): Promise<T | null> {
  const attempted = `Reading ${path}`;
  const text = await readBounded(path, maxBytes);
  if (text === null) return null;
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new TilerError(
      'STORE_CONFLICT',
      `${attempted}: found a document of another kind or version (${issue?.path.join('.') ?? ''})`,
    );
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new TilerError('STORE_CONFLICT', `${attempted}: found no JSON`, { cause: error });
  }
}

/**
 * For the `catch` of a read for which a document of another kind is as good as none: anybody can have written it, and a
 * crash of the machine may leave an empty one. Everything else is thrown on.
 */
export function noneIfForeign(error: unknown): null {
  if (isTilerError(error) && error.code === 'STORE_CONFLICT') return null;
  throw error;
}

async function readBounded(path: string, maxBytes: number): Promise<string | null> {
  const attempted = `Reading ${path}`;
  const found = await stat(path).catch(noneIfAbsent(attempted));
  if (found === null) return null;
  if (found.size <= maxBytes) return await readFile(path, 'utf8').catch(noneIfAbsent(attempted));
  throw new TilerError('STORE_CONFLICT', `${attempted}: found ${found.size} bytes, expected at most ${maxBytes}`);
}

/**
 * For the `catch` of what was attempted at a path: null if that is not there.
 *
 * @throws TilerError `STORE_UNAVAILABLE` for everything else
 */
export function noneIfAbsent(attempted: string): (error: unknown) => null {
  return (error) => {
    if (isAbsent(error)) return null;
    const code = systemCodeOf(error) ?? 'an unknown failure';
    throw new TilerError('STORE_UNAVAILABLE', `${attempted}: ${code}`, { cause: error });
  };
}
