import { TilerError } from '../../errors.ts';
import { tileFromTileId, tileIdFromTile } from '../../tms/tile-id.ts';
import { parseTile, tilePath } from '../../tms/tile.ts';
import type { ChildInput, FileInput, MetatileRecord, SceneInput, TileRecord } from './metatile-record.ts';

/**
 * A record as one line of JSON, without the line's end. Keys stand in one order, tiles are `z/x/y`: the same record gives the
 * same line, and people can read it.
 */
export function recordToLine({ index, inputs, tiles, empty, failed, part }: MetatileRecord): string {
  return JSON.stringify({
    index,
    signature: inputs.signature,
    scenes: inputs.scenes.map(({ scene, datetime, version, files, leftOut }) => {
      return { scene, datetime, version, files: files.map((file) => [file.key, file.href, file.version]), leftOut };
    }),
    children: inputs.children.map(({ tileId, digest }) => [addressOf(tileId), digest]),
    tiles: tiles.map(({ tileId, length, digest }) => [addressOf(tileId), length, digest]),
    empty: empty.map(addressOf),
    failed: failed.map(({ tileId, code }) => [addressOf(tileId), code]),
    part,
  });
}

/**
 * Reads a line that `recordToLine` wrote.
 *
 * @param label - for messages
 * @throws TilerError `ARCHIVE_INVALID`
 */
export function parseRecordLine(line: string, label: string): MetatileRecord {
  try {
    const { index, signature, scenes, children, tiles, empty, failed, part } = objectOf(JSON.parse(line));
    return {
      index: countOf(index),
      inputs: { signature: digestOf(signature), scenes: listOf(scenes, sceneOf), children: listOf(children, childOf) },
      tiles: listOf(tiles, tileOf),
      empty: listOf(empty, tileIdOf),
      failed: listOf(failed, (value) => {
        const [address, code] = partsOf(value, 2);
        return { tileId: tileIdOf(address), code: textOf(code) };
      }),
      ...(part !== undefined && { part: digestOf(part) }),
    };
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : String(cause);
    throw new TilerError('ARCHIVE_INVALID', `Reading a record of ${label}: ${found}`, { cause });
  }
}

function addressOf(tileId: number): string {
  return tilePath(tileFromTileId(tileId));
}

function sceneOf(value: unknown): SceneInput {
  const { scene, datetime, version, files, leftOut } = objectOf(value);
  return {
    scene: textOf(scene),
    datetime: datetime === null ? null : textOf(datetime),
    version: textOf(version),
    files: listOf(files, fileOf),
    ...(leftOut === true && { leftOut }),
  };
}

function fileOf(value: unknown): FileInput {
  const [key, href, version] = partsOf(value, 3);
  return { key: textOf(key), href: textOf(href), version: version === null ? null : textOf(version) };
}

function childOf(value: unknown): ChildInput {
  const [address, digest] = partsOf(value, 2);
  return { tileId: tileIdOf(address), digest: digestOf(digest) };
}

function tileOf(value: unknown): TileRecord {
  const [address, length, digest] = partsOf(value, 3);
  return { tileId: tileIdOf(address), length: countOf(length), digest: digestOf(digest) };
}

function tileIdOf(value: unknown): number {
  return tileIdFromTile(parseTile(textOf(value)));
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw new TypeError(`found ${describe(value)}, expected an object`);
}

function listOf<T>(value: unknown, read: (part: unknown) => T): readonly T[] {
  if (Array.isArray(value)) return value.map((part: unknown) => read(part));
  throw new TypeError(`found ${describe(value)}, expected a list`);
}

function partsOf(value: unknown, count: number): readonly unknown[] {
  if (Array.isArray(value) && value.length === count) return value as readonly unknown[];
  throw new TypeError(`found ${describe(value)}, expected a list of ${count}`);
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new TypeError(`found ${describe(value)}, expected a text`);
}

function digestOf(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return value;
  throw new TypeError(`found ${describe(value)}, expected 32 hex digits`);
}

function countOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError(`found ${describe(value)}, expected a whole number`);
}

function describe(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 80);
}
