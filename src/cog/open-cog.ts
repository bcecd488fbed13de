import { TilerError } from '../errors.ts';
import type { IoCounters } from '../observe.ts';
import { createSamples, type Raster, type Window } from '../raster/raster.ts';
import { pictureFormatOf, readAlignedPictures } from './aligned-pictures.ts';
import type { BlockCache } from './block-cache.ts';
import { BlockReader, type BlockRef } from './block-reader.ts';
import type { Cog, CogLevel, ReadWindow } from './cog.ts';
import { levelMasking, readCogStructure, type CogStructure, type LevelImages } from './cog-structure.ts';
import { copyPlane, copySample } from './copy-block.ts';
import type { AssumedPlace } from './georeference.ts';
import { decodedBlockBytes, type ImageLayout } from './image-layout.ts';
import { DEFAULT_COG_LIMITS, type CogLimits } from './limits.ts';
import { blocksOfWindow, DEFAULT_COALESCING, type Coalescing } from './plan-blocks.ts';
import type { RangeSource } from './range-source.ts';
import { openSidecars, type SidecarFiles, type SidecarOptions } from './sidecars.ts';
import { checkWindow } from './check-window.ts';
import { maskFromAlpha, maskFromNodata } from './window-mask.ts';

export interface OpenCogOptions {
  /** One for all COGs of a process. */
  readonly cache: BlockCache;
  readonly counters: IoCounters;
  readonly limits?: CogLimits;
  readonly coalescing?: Coalescing;
  /** Takes the place of what the file says of its CRS and transform, or does not say. */
  readonly assumed?: AssumedPlace;
  /** Default none. */
  readonly sidecars?: SidecarOptions;
  /** Called when a read finds that the file is not the one that was opened. */
  readonly onChanged?: () => void;
  readonly signal: AbortSignal;
}

/**
 * Opens a COG, or any other TIFF of the kinds that are read: one request if its directories lie in the first 64 KiB.
 * The COG owns the source from then on; where opening fails, the source is disposed of. So it is with its sidecars.
 *
 * @throws TilerError `ASSET_CORRUPT`, `ASSET_UNSUPPORTED`, `BYTES_LIMIT`, and those of `RangeSource.read`
 */
export async function openCog(source: RangeSource, options: OpenCogOptions): Promise<Cog> {
  const { limits = DEFAULT_COG_LIMITS, coalescing = DEFAULT_COALESCING, cache, counters, signal } = options;
  let found: SidecarFiles = { sources: [], images: [] };
  try {
    if (options.sidecars !== undefined) found = await openSidecars(options.sidecars, { limits, signal });
    const sidecars = found.images;
    const structure = await readCogStructure(source, { limits, assumed: options.assumed ?? {}, sidecars, signal });
    const { nodata } = structure;
    const onChanged = options.onChanged ?? (() => {});
    const sources = [source, ...found.sources];
    const blocks = new BlockReader({ sources, cache, counters, limits, coalescing, nodata, onChanged });
    return new BlockedCog(sources, structure, blocks, cache, limits);
  } catch (error) {
    for (const one of [source, ...found.sources]) await one[Symbol.asyncDispose]();
    throw error;
  }
}

/** Blocks that are held at the same time outnumber the cache by at most this share of it. */
const CACHE_SHARE = 0.5;

/** A COG over a block reader. Disposing forgets its blocks and closes the source. */
class BlockedCog implements Cog {
  readonly label: string;
  readonly levels: readonly CogLevel[];
  readonly bandCount: number;
  readonly #sources: readonly RangeSource[];
  readonly #structure: CogStructure;
  readonly #blocks: BlockReader;
  readonly #cache: BlockCache;
  readonly #limits: CogLimits;

  constructor(
    sources: readonly RangeSource[],
    structure: CogStructure,
    blocks: BlockReader,
    cache: BlockCache,
    limits: CogLimits,
  ) {
    this.label = sources[0]!.label;
    this.#sources = sources;
    this.#structure = structure;
    this.#blocks = blocks;
    this.#cache = cache;
    this.#limits = limits;
    this.bandCount = this.#image.samples - (structure.alpha === null ? 0 : 1);
    this.levels = structure.levels.map(({ image: { width, height, blockWidth, blockHeight } }) => ({
      width,
      height,
      blockWidth,
      blockHeight,
    }));
  }

  get #image(): ImageLayout {
    return this.#structure.levels[0]!.image;
  }

  get crs() {
    return this.#structure.crs;
  }

  get transform() {
    return this.#structure.transform;
  }

  get dtype() {
    return this.#image.dtype;
  }

  get nodata() {
    return this.#structure.nodata;
  }

  get colormap() {
    return this.#structure.colormap;
  }

  get bandScales() {
    return this.#structure.bandScales;
  }

  get masking() {
    return this.#structure.masking;
  }

  get pictureFormat() {
    return pictureFormatOf(this.#structure);
  }

  async readPictures(level: number, windows: readonly Window[], { signal }: { readonly signal: AbortSignal }) {
    return await readAlignedPictures(this.#structure, this.#blocks, { images: this.#level(level), windows, signal });
  }

  async prefetch(
    level: number,
    windows: readonly Window[],
    options: { readonly signal: AbortSignal; readonly bands?: readonly number[] },
  ): Promise<void> {
    const images = this.#level(level);
    const samples = this.#samplesOf(options.bands ?? Array.from({ length: this.bandCount }, (_, n) => n + 1));
    const seen = new Set<string>();
    const missing: BlockRef[] = [];
    for (const window of windows) {
      checkWindow(images.image, window, this.label);
      for (const ref of this.#refsOf(images, window, samples, this.masking === 'mask')) {
        const key = `${ref.image.index}/${ref.block}`;
        if (!seen.has(key) && !this.#blocks.isPresent(ref)) missing.push(ref);
        seen.add(key);
      }
    }
    // What does not fit would drive out what came first; it is read when it is needed.
    const [fitting] = this.#groups(missing);
    if (fitting !== undefined) await this.#blocks.load(fitting, options.signal);
  }

  async readWindow(request: ReadWindow, options: { readonly signal: AbortSignal }): Promise<Raster> {
    const { window } = request;
    const images = this.#level(request.level);
    checkWindow(images.image, window, this.label);
    const length = window.width * window.height;
    if (length * (request.bands.length + 1) > this.#limits.maxWindowSamples) {
      const what = `${window.width} x ${window.height} pixels in ${request.bands.length} bands`;
      throw new TilerError(
        'PIXELS_LIMIT',
        `Reading ${what} of ${this.label}: allowed are ${this.#limits.maxWindowSamples} samples`,
        {
          context: { href: this.label },
        },
      );
    }
    const { alpha, nodata } = this.#structure;
    const masking = request.nodata === null ? levelMasking(this.#structure, images) : 'nodata';
    const samples = this.#samplesOf(request.bands, masking === 'alpha');
    const planes = new Map(samples.map((sample) => [sample, createSamples(this.dtype, length)] as const));
    const mask = masking === 'mask' ? new Uint8Array(length) : null;
    const refs = this.#refsOf(images, window, samples, mask !== null);
    for (const group of this.#groups(refs)) {
      const blocks = await this.#blocks.load(group, options.signal);
      for (const [n, block] of blocks.entries()) {
        const ref = group[n]!;
        if (ref.image.isMask && mask !== null) copyPlane(ref, block, 0, window, mask);
        else for (const [sample, plane] of planes) copySample(ref, block, sample, window, plane);
      }
    }
    const bands = request.bands.map((band) => planes.get(this.#sampleOf(band))!);
    const { width, height } = window;
    const done = (valid: Uint8Array): Raster => ({ width, height, dtype: this.dtype, bands, mask: valid });
    if (mask !== null) return done(mask);
    if (masking === 'alpha') return done(maskFromAlpha(planes.get(alpha!)!, this.dtype));
    if (masking === 'nodata') return done(maskFromNodata(bands, request.nodata ?? nodata!, length));
    return done(new Uint8Array(length).fill(255));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cache.forget(this.#blocks.keyPrefix);
    for (const source of this.#sources) await source[Symbol.asyncDispose]();
  }

  #level(level: number): LevelImages {
    const images = this.#structure.levels[level];
    if (images === undefined) throw new RangeError(`${this.label} has ${this.levels.length} levels, no level ${level}`);
    return images;
  }

  /** Position among the samples, from 0, of a 1-based band: alpha is not counted. */
  #sampleOf(band: number): number {
    const { alpha } = this.#structure;
    if (!Number.isInteger(band) || band < 1 || band > this.bandCount) {
      throw new TilerError(
        'REQUEST_INVALID',
        `Reading band ${band} of ${this.label}: it has the bands 1 to ${this.bandCount}`,
        {
          context: { href: this.label },
        },
      );
    }
    return alpha !== null && band - 1 >= alpha ? band : band - 1;
  }

  #samplesOf(bands: readonly number[], withAlpha = this.masking === 'alpha'): readonly number[] {
    const samples = bands.map((band) => this.#sampleOf(band));
    return withAlpha ? [...samples, this.#structure.alpha!] : samples;
  }

  #refsOf(images: LevelImages, window: Window, samples: readonly number[], withMask: boolean): readonly BlockRef[] {
    const { image, mask } = images;
    const grid = blocksOfWindow(image, window);
    const perPlane = image.blocksAcross * image.blocksDown;
    const planes = image.planar === 'separate' ? [...new Set(samples)] : [0];
    const refs = planes.flatMap((plane) => grid.map((block): BlockRef => ({ image, block: plane * perPlane + block })));
    if (!withMask || mask === null) return refs;
    return [...refs, ...blocksOfWindow(mask, window).map((block) => ({ image: mask, block }))];
  }

  /** Cuts the blocks of a large window into parts that are small beside the cache. */
  *#groups(refs: readonly BlockRef[]): Generator<readonly BlockRef[]> {
    let group: BlockRef[] = [];
    let room = this.#cache.maxBytes * CACHE_SHARE;
    for (const ref of refs) {
      room -= decodedBlockBytes(ref.image);
      if (room < 0 && group.length > 0) {
        yield group;
        group = [];
        room = this.#cache.maxBytes * CACHE_SHARE - decodedBlockBytes(ref.image);
      }
      group.push(ref);
    }
    yield group;
  }
}
