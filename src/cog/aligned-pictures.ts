import type { Window } from '../raster/raster.ts';
import type { BlockReader, BlockRef } from './block-reader.ts';
import type { PictureFormat } from './cog.ts';
import { levelMasking, type CogStructure, type LevelImages } from './cog-structure.ts';
import { standaloneJpeg, standaloneWebp } from './codec/standalone-picture.ts';
import { copyPlane } from './copy-block.ts';
import type { DecodedBlock } from './decode-block.ts';
import type { ImageLayout } from './image-layout.ts';
import { blocksOfWindow } from './plan-blocks.ts';
import { maskFromNodata } from './window-mask.ts';

/** TIFF's Compression of blocks that are pictures. */
const FORMATS: ReadonlyMap<number, PictureFormat> = new Map([
  [7, 'jpeg'],
  [50001, 'webp'],
]);

/** The format of which the blocks of a file are complete pictures with all its bands; null if they are not. */
export function pictureFormatOf({ levels, alpha, colormap }: CogStructure): PictureFormat | null {
  const { samples, planar, dtype, compression } = levels[0]!.image;
  const bands = samples - (alpha === null ? 0 : 1);
  const isPicture = dtype === 'uint8' && colormap === null && planar === 'chunky' && (bands === 1 || bands === 3);
  // Alpha is the last sample of a picture.
  return isPicture && (alpha === null || alpha === bands) ? (FORMATS.get(compression) ?? null) : null;
}

/** What `readAlignedPictures` is asked for. */
export interface AlignedPicturesRequest {
  readonly images: LevelImages;
  readonly windows: readonly Window[];
  readonly signal: AbortSignal;
}

/** Gives the windows that are whole blocks without holes as complete files, as `Cog.readPictures` describes it. */
export async function readAlignedPictures(
  structure: CogStructure,
  blocks: BlockReader,
  { images, windows, signal }: AlignedPicturesRequest,
): Promise<readonly (Uint8Array | null)[]> {
  const { image, mask } = images;
  const pictures = windows.map((): Uint8Array | null => null);
  const format = pictureFormatOf(structure);
  if (format === null || FORMATS.get(image.compression) !== format || image.planar !== 'chunky') return pictures;
  const found = windows.flatMap((window, n): Candidate[] => {
    const block = blockAt(image, window);
    return block === null ? [] : [{ n, window, ref: { image, block } }];
  });
  const refs = found.map(({ ref }): BlockRef => ({ ...ref, isStored: true }));
  // All in one load, since the blocks of a mask mostly lie between those of the image.
  const masking = levelMasking(structure, images);
  const masks = masking === 'mask' && mask !== null ? maskRefs(mask, found) : [];
  const loaded = await blocks.load([...refs, ...masks], signal);
  const maskBlocks = new Map(masks.map((ref, k) => [ref.block, { ref, block: loaded[refs.length + k]! }]));
  const whole = found.flatMap((candidate, k) => {
    if (mask !== null && masks.length > 0 && hasHole(candidate.window, mask, maskBlocks)) return [];
    const picture = standalone(loaded[k]!, image, format);
    return picture === null ? [] : [{ ...candidate, picture }];
  });
  const passed = masking === 'nodata' ? await withData(whole, structure, blocks, signal) : whole;
  for (const { n, picture } of passed) pictures[n] = picture;
  return pictures;
}

/** A window that is one block of the level. */
interface Candidate {
  /** Its position among the windows asked for. */
  readonly n: number;
  readonly window: Window;
  readonly ref: BlockRef;
}

/** The number of the block that a window is, to the pixel; null if it is none, or the block is not worth keeping. */
function blockAt(image: ImageLayout, { col, row, width, height }: Window): number | null {
  const { blockWidth, blockHeight, blocksAcross, samples, byteCounts } = image;
  const isBlock = width === blockWidth && height === blockHeight && col % blockWidth === 0 && row % blockHeight === 0;
  if (!isBlock || col + width > image.width || row + height > image.height) return null;
  const block = (row / blockHeight) * blocksAcross + col / blockWidth;
  // A picture larger than its pixels gains nothing, and the sum of what a caller asks for would have no bound.
  return byteCounts[block]! <= width * height * samples ? block : null;
}

/** The blocks of a mask under windows, each once: several windows may lie in one. */
function maskRefs(mask: ImageLayout, candidates: readonly Candidate[]): readonly BlockRef[] {
  const numbers = new Set(candidates.flatMap(({ window }) => blocksOfWindow(mask, window)));
  return [...numbers].map((block) => ({ image: mask, block }));
}

type MaskBlocks = ReadonlyMap<number, { readonly ref: BlockRef; readonly block: DecodedBlock }>;

function hasHole(window: Window, mask: ImageLayout, maskBlocks: MaskBlocks): boolean {
  const valid = new Uint8Array(window.width * window.height);
  for (const number of blocksOfWindow(mask, window)) {
    const { ref, block } = maskBlocks.get(number)!;
    copyPlane(ref, block, 0, window, valid);
  }
  return Buffer.compare(valid, new Uint8Array(valid.length).fill(255)) !== 0;
}

async function withData<T extends Candidate>(
  candidates: readonly T[],
  { nodata, alpha }: CogStructure,
  blocks: BlockReader,
  signal: AbortSignal,
): Promise<readonly T[]> {
  const decoded = await blocks.load(
    candidates.map(({ ref }) => ref),
    signal,
  );
  return candidates.filter(({ window }, k) => {
    const bands = decoded[k]!.planes.filter((_, sample) => sample !== alpha);
    return !maskFromNodata(bands, nodata!, window.width * window.height).includes(0);
  });
}

function standalone({ planes }: DecodedBlock, image: ImageLayout, format: PictureFormat): Uint8Array | null {
  const [bytes] = planes;
  if (!(bytes instanceof Uint8Array)) return null;
  const { blockWidth: width, blockHeight: height, samples, photometric, jpegTables } = image;
  if (format === 'webp') return standaloneWebp(bytes, { width, height });
  return standaloneJpeg(bytes, jpegTables, { width, height, samples, photometric });
}
