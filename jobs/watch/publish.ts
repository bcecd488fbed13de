import { writeFile } from 'node:fs/promises';
import type { TileStore } from '../../src/store/tile-store.ts';
import type { Tile } from '../../src/tms/tile.ts';
import { createRequestEncoder } from '../open-output.ts';
import type { TilesetRequest } from '../request/tileset-request.ts';
import { changedTilesOf, invalidationPaths, tileLines } from './changed-tiles.ts';
import { notify } from './notify.ts';
import type { NotifyOptions, UpdateNotice } from './notify.ts';
import { CHANGED_TILES_NAME } from './watch-layer.ts';
import type { Look } from './watch-layer.ts';

export interface PublishOptions {
  readonly request: TilesetRequest;
  readonly store: TileStore;
  /** File for the addresses of changed tiles; null = none. */
  readonly changedTilesFile: string | null;
  /** File for the paths that a CDN is to drop; null = none. */
  readonly invalidationsFile: string | null;
  readonly maxPaths: number;
  readonly notify: NotifyOptions;
  readonly signal: AbortSignal;
}

/**
 * Says what an update has published: the files, then the command and the webhook. Of a tileset that is there for the first
 * time, or of another plan, every path is to be dropped, and the list of changed tiles is of no use.
 * What goes wrong is noted, and changes nothing: the tiles are there.
 */
export async function publishLook(look: Look, options: PublishOptions): Promise<void> {
  const { version, update, poll, isFirst, isPublished } = look;
  if (version === null || update === null || !isPublished) return;
  const { request, store, changedTilesFile, invalidationsFile, maxPaths, signal } = options;
  const text = isFirst ? null : await store.getDocument(CHANGED_TILES_NAME, { signal });
  const tiles: Tile[] | null = text === null ? null : [...changedTilesOf(text)].map(({ tile }) => tile);
  const { note } = options.notify;
  if (changedTilesFile !== null && tiles !== null) await write(changedTilesFile, tileLines(tiles), note);
  if (invalidationsFile !== null) {
    const { extension } = createRequestEncoder(request);
    const paths = tiles === null ? ['/*'] : invalidationPaths(tiles, extension, maxPaths);
    await write(invalidationsFile, paths.map((path) => `${path}\n`).join(''), note);
  }
  const { added, changed, touched, gone } = poll.changes;
  const notice: UpdateNotice = {
    event: 'updated',
    name: request.name ?? null,
    output: request.output,
    version: version.id,
    metatiles: { dirty: look.dirty, rendered: update.metatiles - update.unchanged, unchanged: update.unchanged },
    items: { added: added.length, changed: changed.length, touched: touched.length, gone: gone.length },
    changedTiles: tiles?.length ?? update.rendered,
    changedTilesFile: tiles === null ? null : changedTilesFile,
    invalidationsFile,
  };
  await notify(notice, options.notify);
}

async function write(path: string, text: string, note: (text: string) => void): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    note(`writing ${path} failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}
