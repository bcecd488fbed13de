import { TilerError } from '../errors.ts';
import type { IoCounters, StageMeter } from '../observe.ts';
import { createSamples, type Raster, type Samples, type Window } from '../raster/raster.ts';
import { pictureFormatOf, readAlignedPictures } from './aligned-pictures.ts';
import type { BlockCache } from './block-cache.ts';
import { BlockReader, type BlockRef } from './block-reader.ts';
import type { Cog, CogFile, CogLevel, ReadWindow } from './cog.ts';
import { levelMasking, readCogStructure, type CogStructure, type LevelImages } from './cog-structure.ts';
import { copyPlane, copySample } from './copy-block.ts';
import type { AssumedPlace } from './georeference.ts';
import { type KnownBlock, isFilledWith } from './empty-window.ts';
import type { ImageLayout } from './image-layout.ts';
import { DEFAULT_COG_LIMITS, type CogLimits } from './limits.ts';
import { DEFAULT_COALESCING, type Coalescing } from './plan-blocks.ts';
import type { RangeSource } from './range-source.ts';
import { openSidecars, type SidecarFiles, type SidecarOptions } from './sidecars.ts';
import { checkSize, checkWindow, isWithin } from './check-window.ts';
import { groupsOfBlocks, refsOfWindow } from './window-blocks.ts';
import { maskFromAlpha, maskFromNodata } from './window-mask.ts';

export interface OpenCogOptions {
  /** One for all COGs of a process. */
  readonly cache: BlockCache;
  readonly counters: IoCounters;
  readonly stages?: StageMeter;
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
  const { limits = DEFAULT_COG_LIMITS, coalescing = DEFAULT_COALESCING, cache, counters, stages, signal } = options;
  let found: SidecarFiles = { sources: [], images: [], files: [] };
  try {
    if (options.sidecars !== undefined) found = await openSidecars(options.sidecars, { limits, signal });
    const sidecars = found.images;
    const structure = await readCogStructure(source, { limits, assumed: options.assumed ?? {}, sidecars, signal });
    const { nodata } = structure;
    const onChanged = options.onChanged ?? (() => {});
    const sources = [source, ...found.sources];
    const blocks = new BlockReader({ sources, cache, counters, stages, limits, coalescing, nodata, onChanged });
    const files: readonly CogFile[] = [{ suffix: '', version: source.version() }, ...found.files];
    return new BlockedCog({ sources, files, structure, blocks, cache, limits });
  } catch (error) {
    for (const one of [source, ...found.sources]) await one[Symbol.asyncDispose]();
    throw error;
  }
}

/** Blocks that are held at the same time outnumber the cache by at most this share of it. */
const CACHE_SHARE = 0.5;

const NOTHING = new Uint8Array(0);

interface CogParts {
  readonly sources: readonly RangeSource[];
  readonly files: readonly CogFile[];
  readonly structure: CogStructure;
  readonly blocks: BlockReader;
  readonly cache: BlockCache;
  readonly limits: CogLimits;
}

/** A COG over a block reader. Disposing forgets its blocks and closes the source. */
class BlockedCog implements Cog {
  readonly label: string;
  readonly files: readonly CogFile[];
  readonly levels: readonly CogLevel[];
  readonly bandCount: number;
  readonly #sources: readonly RangeSource[];
  readonly #structure: CogStructure;
  readonly #blocks: BlockReader;
  readonly #cache: BlockCache;
  readonly #limits: CogLimits;

  constructor({ sources, files, structure, blocks, cache, limits }: CogParts) {
    this.files = files;
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
      for (const ref of refsOfWindow(images, window, samples, this.masking === 'mask')) {
        const key = `${ref.image.index}/${ref.block}`;
        if (!seen.has(key) && !this.#blocks.isPresent(ref)) missing.push(ref);
        seen.add(key);
      }
    }
    // What does not fit would drive out what came first; it is read when it is needed.
    const [fitting] = groupsOfBlocks(missing, this.#cache.maxBytes * CACHE_SHARE);
    if (fitting !== undefined) await this.#blocks.load(fitting, options.signal);
  }

  async readWindow(request: ReadWindow, options: { readonly signal: AbortSignal }): Promise<Raster> {
    const { window } = request;
    const images = this.#level(request.level);
    checkWindow(images.image, window, this.label);
    checkSize(request, this.#limits, this.label);
    const length = window.width * window.height;
    const { masking, samples } = this.#validityOf(request, images);
    const { room } = request;
    const create = (): Samples => room?.take(this.dtype, length) ?? createSamples(this.dtype, length);
    const planes = new Map(samples.map((sample) => [sample, create()] as const));
    const { alpha, nodata } = this.#structure;
    // An alpha band of bytes is the mask.
    const mask = masking === 'alpha' ? NOTHING : (room?.takeMask(length) ?? new Uint8Array(length));
    const refs = refsOfWindow(images, window, samples, masking === 'mask');
    for (const group of groupsOfBlocks(refs, this.#cache.maxBytes * CACHE_SHARE)) {
      const blocks = await this.#blocks.load(group, options.signal);
      for (const [n, block] of blocks.entries()) {
        const ref = group[n]!;
        if (ref.image.isMask && masking === 'mask') copyPlane(ref, block, 0, window, mask);
        else for (const [sample, plane] of planes) copySample(ref, block, sample, window, plane);
      }
    }
    const bands = request.bands.map((band) => planes.get(this.#sampleOf(band))!);
    const { width, height } = window;
    const done = (valid: Uint8Array): Raster => ({ width, height, dtype: this.dtype, bands, mask: valid });
    if (masking === 'mask') return done(mask);
    if (masking === 'alpha') return done(maskFromAlpha(planes.get(alpha!)!, this.dtype));
    if (masking === 'nodata') return done(maskFromNodata(bands, request.nodata ?? nodata!, length, mask));
    return done(mask.fill(255));
  }

  isEmptyWindow(request: ReadWindow): boolean {
    const images = this.#level(request.level);
    const { masking, samples } = this.#validityOf(request, images);
    if (masking === 'none' || !isWithin(request, this.#limits)) return false;
    const { alpha, nodata } = this.#structure;
    const known: KnownBlock[] = [];
    for (const ref of refsOfWindow(images, request.window, samples, masking === 'mask')) {
      const block = this.#blocks.known(ref);
      if (block === null) return false;
      known.push({ ref, block });
    }
    if (masking === 'mask') return isFilledWith({ samples: 'mask', value: 0 }, request.window, known);
    const emptiness =
      masking === 'alpha' ? { samples: [alpha!], value: 0 } : { samples, value: request.nodata ?? nodata! };
    return isFilledWith(emptiness, request.window, known);
  }

  /** How a window says where it has data, and the samples to read for it. */
  #validityOf({ nodata, bands }: ReadWindow, images: LevelImages) {
    const masking = nodata === null ? levelMasking(this.#structure, images) : 'nodata';
    return { masking, samples: this.#samplesOf(bands, masking === 'alpha') };
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
}
