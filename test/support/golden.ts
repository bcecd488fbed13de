import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const FOLDER = fileURLToPath(new URL('../golden/tiles/', import.meta.url));

/**
 * Sines of different versions of V8 differ in their last bit, which can take a value over the edge of a rounding: so
 * much of a tile may differ by one step. A mask may not.
 */
const MAX_STEP = 1;
const MAX_SHARE = 0.001;

interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/**
 * Compares the pixels of a tile with those of the committed PNG of that name; `null` = they agree. A tile that differs is
 * written to a temporary folder. With UPDATE_GOLDEN=1 the tile becomes the committed one instead.
 */
export async function compareWithGolden(name: string, png: Uint8Array): Promise<string | null> {
  const path = join(FOLDER, `${name}.png`);
  if (process.env['UPDATE_GOLDEN'] === '1') {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, png);
    return null;
  }
  const expected = await readFile(path).catch(() => null);
  const difference =
    expected === null ? 'there is no committed tile' : differenceOf(await decode(png), await decode(expected));
  if (difference === null) return null;
  const folder = await mkdtemp(join(tmpdir(), 'tilewright-golden-'));
  const actual = join(folder, `${name}.png`);
  await writeFile(actual, png);
  return `${name}: ${difference}. Expected ${path}, found ${actual}. Look at both; UPDATE_GOLDEN=1 accepts what was found`;
}

async function decode(png: Uint8Array): Promise<Pixels> {
  const { data, info } = await sharp(png)
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, channels: info.channels, data };
}

function differenceOf(found: Pixels, expected: Pixels): string | null {
  if (found.width !== expected.width || found.height !== expected.height) {
    return `${found.width}x${found.height} pixels, expected ${expected.width}x${expected.height}`;
  }
  let different = 0;
  let largest = 0;
  let masks = 0;
  for (let i = 0; i < found.data.length; i += found.channels) {
    const steps = [0, 1, 2, 3].map((channel) => Math.abs(found.data[i + channel]! - expected.data[i + channel]!));
    if (steps[3] !== 0) masks++;
    if (steps.some((step) => step > 0)) different++;
    largest = Math.max(largest, ...steps.slice(0, 3));
  }
  const share = different / (found.width * found.height);
  if (masks === 0 && largest <= MAX_STEP && share <= MAX_SHARE) return null;
  return `${different} pixels differ, by up to ${largest}, ${masks} of them in their mask`;
}
