import { labelOf } from '../../src/cog/href-label.ts';
import type { OpenRangeSource } from '../../src/cog/range-source.ts';
import { isTilerError, TilerError } from '../../src/errors.ts';
import { HEADER_BYTES } from '../../src/store/pmtiles/header.ts';
import type { StoreCallOptions } from '../../src/store/tile-store.ts';
import { parseVersions } from '../../src/store/version-document.ts';
import type { TilesetVersion, VersionsDocument } from '../../src/store/versions.ts';
import { CleanupStack } from '../cleanup-stack.ts';
import { openServedArchive } from './open-archive.ts';
import type { OpenArchive } from './open-archive.ts';
import { createFresh } from '../fresh.ts';
import type { PreviewSource, TilesetView } from './tileset-view.ts';

/** Versions whose archives are open at the same time. */
const MAX_OPEN = 8;

/** More than a thousand versions take. */
const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;

/**
 * A PMTiles archive in a file, on an HTTP server or in S3. Where it has a versions document beside it, that says which
 * archive counts, and no other needs to be there; else the archive itself does.
 */
export class ArchivePreview implements PreviewSource {
  readonly label: string;
  private readonly href: string;
  private readonly openSource: OpenRangeSource;
  private readonly options: StoreCallOptions;
  /** By the ID of the version. */
  private readonly open = new Map<string, Promise<OpenArchive>>();
  private readonly known = createFresh(() => this.readVersions());
  private readonly plain = createFresh<OpenArchive>((last) => this.openPlain(last));

  /** @param options.signal - ends what is read for many who ask, so that the first of them cannot end it for all */
  constructor(href: string, openSource: OpenRangeSource, options: StoreCallOptions) {
    this.href = href;
    this.label = labelOf(href);
    this.openSource = openSource;
    this.options = options;
  }

  async view(versionId: string | null): Promise<TilesetView | null> {
    const document = await this.known.get();
    const id = versionId ?? document?.current;
    if (id === undefined) return this.viewOf(await this.plain.get(), null);
    const version = document?.versions.find((one) => one.id === id);
    return version === undefined ? null : this.viewOf(await this.openVersion(version), version);
  }

  async versions(): Promise<VersionsDocument | null> {
    return await this.known.get();
  }

  async document(name: string, options: StoreCallOptions): Promise<string | null> {
    const bytes = await this.readBeside(`${stemOf(this.href)}.${name}`, options);
    return bytes === null ? null : new TextDecoder().decode(bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const archives = await Promise.allSettled(this.open.values());
    this.open.clear();
    for (const one of archives) if (one.status === 'fulfilled') await one.value[Symbol.asyncDispose]();
    await this.plain.peek()?.[Symbol.asyncDispose]();
  }

  private viewOf(archive: OpenArchive, version: TilesetVersion | null): TilesetView {
    return {
      ...archive.tileset,
      version,
      archive,
      tile: async (tile, options) => {
        try {
          return await archive.tile(tile, options);
        } catch (error) {
          // It was replaced, which whoever asks next is to see.
          if (isTilerError(error) && error.code === 'ASSET_CHANGED') this.plain.forget();
          throw error;
        }
      },
    };
  }

  /** An archive that no document speaks of: it is another one once its bytes are. */
  private async openPlain(last: OpenArchive | null): Promise<OpenArchive> {
    const source = this.openSource(this.href);
    await using cleanup = new CleanupStack();
    cleanup.defer(() => source[Symbol.asyncDispose]());
    const head = await source.read(0, HEADER_BYTES, this.options);
    const isSame = last !== null && source.version() === last.sourceVersion && Buffer.compare(head, last.head) === 0;
    if (isSame) return last;
    const opened = await openServedArchive(this.openSource(this.href), null, this.options);
    // Tiles that are being read of it are read to their end.
    await last?.[Symbol.asyncDispose]();
    return opened;
  }

  private async readVersions(): Promise<VersionsDocument | null> {
    const bytes = await this.readBeside(`${stemOf(this.href)}.versions.json`, this.options);
    try {
      return bytes === null ? null : await parseVersions(bytes, this.label);
    } catch (error) {
      // There are servers that have an answer for every path.
      if (isTilerError(error) && error.code === 'STORE_CONFLICT') return null;
      throw error;
    }
  }

  /** S3 forbids what is not there to those who may not list; whether the archive is there shows without. */
  private async readBeside(href: string, options: StoreCallOptions): Promise<Uint8Array | null> {
    await using source = this.openSource(href);
    try {
      return await source.read(0, MAX_DOCUMENT_BYTES, options);
    } catch (error) {
      if (isTilerError(error) && (error.code === 'ASSET_NOT_FOUND' || error.code === 'ASSET_FORBIDDEN')) return null;
      throw error;
    }
  }

  private async openVersion(version: TilesetVersion): Promise<OpenArchive> {
    const { id, archive } = version;
    if (archive === null) {
      throw new TilerError('REQUEST_INVALID', `Previewing the version ${id} of ${this.label}: all its tiles are empty`);
    }
    const open = (): Promise<OpenArchive> =>
      openServedArchive(this.openSource(hrefBeside(this.href, archive)), id, this.options);
    const opened = this.open.get(id) ?? open();
    // Last in the map = most recently used.
    this.open.delete(id);
    this.open.set(id, opened);
    const [oldest] = this.open;
    if (this.open.size > MAX_OPEN && oldest !== undefined) {
      this.open.delete(oldest[0]);
      void oldest[1].then((old) => old[Symbol.asyncDispose]()).catch(() => {});
    }
    return await opened.catch((error: unknown) => {
      if (this.open.get(id) === opened) this.open.delete(id);
      throw error;
    });
  }
}

/** An href without the ending of an archive, and without a query. */
function stemOf(href: string): string {
  return href.replace(/[?#].*$/s, '').replace(/\.pmtiles$/i, '');
}

/** A path in the folder that an href lies in. */
function hrefBeside(href: string, path: string): string {
  return href.replace(/[?#].*$/s, '').replace(/[^/]*$/, '') + path;
}
