import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TilerError } from '../../src/errors.ts';
import { WORLD_BBOX } from '../../src/geo/bbox.ts';
import { fromFileError, isMissing } from '../../src/store/file-error.ts';
import { openForeignMbtiles } from '../../src/store/mbtiles/foreign-mbtiles.ts';
import type { ForeignMbtiles } from '../../src/store/mbtiles/foreign-mbtiles.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { statOf } from '../../src/store/stat-of.ts';
import { parseVersions } from '../../src/store/version-document.ts';
import type { VersionsDocument } from '../../src/store/versions.ts';
import { lookAtPicture } from './picture.ts';
import type { Picture } from './picture.ts';
import { createFresh } from '../fresh.ts';
import { PICTURE_TYPES } from './tileset-view.ts';
import type { Fresh } from '../fresh.ts';
import type { PreviewSource, TilesetView } from './tileset-view.ts';

interface OpenFile {
  /** Changes when the file does. */
  readonly state: string;
  readonly reader: ForeignMbtiles;
  readonly view: TilesetView;
}

/** Versions that are open at the same time. */
const MAX_OPEN = 8;

/** An MBTiles file, ours with its versions or not. */
export class MbtilesPreview implements PreviewSource {
  readonly label: string;
  private readonly options: StoreCallOptions;
  /** By path. */
  private readonly open = new Map<string, Fresh<OpenFile>>();
  private readonly known = createFresh(() => this.readVersions());

  constructor(path: string, options: StoreCallOptions) {
    this.label = path;
    this.options = options;
  }

  async view(versionId: string | null): Promise<TilesetView | null> {
    const document = await this.known.get();
    const id = versionId ?? document?.current;
    const version = document?.versions.find((one) => one.id === id);
    if (version === undefined) return versionId === null ? (await this.fileAt(this.label)).view : null;
    if (version.archive === null) {
      const found = 'all its tiles are empty';
      throw new TilerError('REQUEST_INVALID', `Previewing the version ${version.id} of ${this.label}: ${found}`);
    }
    return { ...(await this.fileAt(join(dirname(this.label), version.archive))).view, version };
  }

  async versions(): Promise<VersionsDocument | null> {
    return await this.known.get();
  }

  async document(name: string, { signal }: StoreCallOptions): Promise<string | null> {
    const path = `${this.label.replace(/\.mbtiles$/i, '')}.${name}`;
    try {
      return await readFile(path, { encoding: 'utf8', signal });
    } catch (error) {
      if (isMissing(error)) return null;
      throw fromFileError(error, `Reading ${path}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const open = [...this.open.values()];
    this.open.clear();
    for (const file of open) await file.peek()?.reader[Symbol.asyncDispose]();
  }

  private async fileAt(path: string): Promise<OpenFile> {
    const file = this.open.get(path) ?? createFresh<OpenFile>((last) => this.openFile(path, last));
    // Last in the map = most recently used.
    this.open.delete(path);
    this.open.set(path, file);
    const [oldest] = this.open;
    if (this.open.size > MAX_OPEN && oldest !== undefined) {
      this.open.delete(oldest[0]);
      await oldest[1].peek()?.reader[Symbol.asyncDispose]();
    }
    return await file.get();
  }

  private async readVersions(): Promise<VersionsDocument | null> {
    const text = await this.document('versions.json', this.options);
    return text === null ? null : await parseVersions(new TextEncoder().encode(text), this.label);
  }

  private async openFile(path: string, last: OpenFile | null): Promise<OpenFile> {
    const found = await statOf(path);
    const state = found === null ? 'none' : `${found.ino} ${found.size} ${found.mtimeMs}`;
    // One that took too long is closed.
    if (last?.state === state && last.reader.isOpen) return last;
    const reader = await openForeignMbtiles(path, this.options);
    if (reader === null) throw new TilerError('REQUEST_INVALID', `Previewing ${path}: found no such file`);
    try {
      const view = await describe(reader, this.options);
      await last?.reader[Symbol.asyncDispose]();
      return { state, reader, view };
    } catch (error) {
      await reader[Symbol.asyncDispose]();
      throw error;
    }
  }
}

async function describe(reader: ForeignMbtiles, options: StoreCallOptions): Promise<TilesetView> {
  const { label, metadata } = reader;
  const zooms = await reader.zooms(options);
  const picture = zooms === null ? null : await firstPicture(reader, options);
  const extension = metadata.format ?? picture?.extension ?? '';
  const contentType = PICTURE_TYPES[extension];
  if (zooms === null || contentType === undefined) {
    const found = zooms === null ? 'no tiles' : `tiles of the format ${extension === '' ? 'unknown' : extension}`;
    throw new TilerError('REQUEST_INVALID', `Previewing ${label}: found ${found}, expected png, jpg, webp or avif`);
  }
  const [west, south, east, north] = metadata.bbox ?? WORLD_BBOX;
  const isBox = Math.abs(west) <= 180 && Math.abs(east) <= 180 && west < east && south < north;
  return {
    name: metadata.name ?? basename(label).replace(/\.mbtiles$/i, ''),
    description: metadata.description ?? undefined,
    attribution: metadata.attribution ?? undefined,
    ...zooms,
    bbox: isBox ? [west, south, east, north] : WORLD_BBOX,
    extension,
    contentType,
    tileSize: metadata.tileSize ?? picture?.tileSize ?? 256,
    version: null,
    archive: null,
    tile: async (tile, callOptions) => await reader.tile(tile, callOptions),
  };
}

async function firstPicture(reader: ForeignMbtiles, options: StoreCallOptions): Promise<Picture | null> {
  for await (const tile of reader.list(options)) {
    const bytes = await reader.tile(tile, options);
    return bytes === null ? null : await lookAtPicture(bytes);
  }
  return null;
}
