import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isAbortError, isTilerError, systemCodeOf, TilerError } from '../../src/errors.ts';
import type { Bbox } from '../../src/geo/bbox.ts';
import { isObject } from '../../src/stac/item.ts';
import { areaOfGeojson } from './area-file.ts';
import { parseJsonText } from './json-text.ts';
import { requestError } from './request-problem.ts';
import type { Problem } from './request-problem.ts';
import { checkTilesetRequest } from './tileset-request.ts';
import type { TilesetRequest } from './tileset-request.ts';

/** What the command line says instead of the document. */
export interface RequestOverrides {
  /** Relative to the working directory. */
  readonly output?: string | undefined;
  readonly minzoom?: number | undefined;
  readonly maxzoom?: number | undefined;
  readonly bbox?: Bbox | undefined;
}

export interface LoadOptions {
  readonly signal: AbortSignal;
  /** The working directory, absolute: what `path` and the overrides are relative to. */
  readonly cwd: string;
}

const MIB = 1024 * 1024;

/** A request is written by hand; an area may be a country in full detail. */
const MAX_REQUEST_BYTES = 4 * MIB;
const MAX_AREA_BYTES = 64 * MIB;

/**
 * Reads a tileset request from a file: overrides in place, paths absolute, the area's file replaced by its geometry, so
 * that whoever is handed the request needs no other file. Relative paths in the document are relative to its folder.
 *
 * @throws TilerError `REQUEST_INVALID` if a file is not there or not JSON (with line and column), or if the request is
 * wrong in any way (with all problems, a line each)
 */
export async function loadTilesetRequest(
  path: string,
  overrides: RequestOverrides,
  { signal, cwd }: LoadOptions,
): Promise<TilesetRequest> {
  const file = resolve(cwd, path);
  const label = `request ${path}`;
  const document = withOverrides(
    parseJsonText(await readText(file, label, MAX_REQUEST_BYTES, signal), label),
    overrides,
  );
  const area = await inlineArea(document, dirname(file), signal);
  const { request, problems } = checkTilesetRequest(area.document);
  if (request === null || area.problems.length > 0) {
    throw requestError(label, [...problems, ...area.problems]);
  }
  const base = overrides.output === undefined ? dirname(file) : cwd;
  return { ...request, output: isUrl(request.output) ? request.output : resolve(base, request.output) };
}

function withOverrides(document: unknown, { output, minzoom, maxzoom, bbox }: RequestOverrides): unknown {
  if (!isObject(document)) {
    return document;
  }
  return {
    ...document,
    ...(output === undefined ? {} : { output }),
    ...(minzoom === undefined ? {} : { minzoom }),
    ...(maxzoom === undefined ? {} : { maxzoom }),
    ...(bbox === undefined ? {} : { area: { bbox } }),
  };
}

/** Puts the geometry in the place of the file's name. What is wrong with the file joins the problems of the request. */
async function inlineArea(
  document: unknown,
  folder: string,
  signal: AbortSignal,
): Promise<{ readonly document: unknown; readonly problems: readonly Problem[] }> {
  const area = isObject(document) ? document['area'] : undefined;
  if (!isObject(document) || !isObject(area) || typeof area['file'] !== 'string' || Object.keys(area).length !== 1) {
    return { document, problems: [] };
  }
  const name = area['file'];
  try {
    const text = await readText(resolve(folder, name), `area ${name}`, MAX_AREA_BYTES, signal);
    const { geometry, problems } = areaOfGeojson(parseJsonText(text, `area ${name}`));
    return {
      document: geometry === null ? document : { ...document, area: { geometry } },
      problems: problems.map((one) => ({ path: 'area.file', text: `in ${name}, ${one.path}: ${one.text}` })),
    };
  } catch (error) {
    if (isTilerError(error)) {
      return { document, problems: [{ path: 'area.file', text: error.message }] };
    }
    throw error;
  }
}

async function readText(path: string, label: string, maxBytes: number, signal: AbortSignal): Promise<string> {
  try {
    await using file = await open(path);
    const { size } = await file.stat();
    if (size > maxBytes) {
      throw new TilerError(
        'REQUEST_INVALID',
        `Reading ${label}: found ${size.toLocaleString('en-US')} bytes, expected at most ${maxBytes.toLocaleString('en-US')}`,
      );
    }
    return await file.readFile({ encoding: 'utf8', signal });
  } catch (error) {
    if (isTilerError(error) || isAbortError(error)) {
      throw error;
    }
    const code = systemCodeOf(error) ?? 'an unknown failure';
    const found = FILE_FAULTS[code] ?? code;
    throw new TilerError('REQUEST_INVALID', `Reading ${label}: found ${found}, expected a JSON file`, { cause: error });
  }
}

const FILE_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EISDIR: 'a folder',
  EACCES: 'a file that may not be read',
};

function isUrl(output: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(output);
}
