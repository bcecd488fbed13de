import type { Picture } from './check-picture.ts';

/**
 * The bands of a picture with colours under mask 0 that go on from those beside them: a lossy format that codes colours
 * apart from the mask would else spend bytes on the edge, and blur it into what is seen. Along a row the last colour seen
 * goes on, from the first one backwards too; a row in which nothing is seen is like the one above, or at the top like the
 * first that has something.
 */
export function fillHidden({ width, height, bands, mask }: Picture): readonly Uint8Array[] {
  const sources = sourcesOf(mask, width, height);
  return bands.map((band) => {
    const filled = new Uint8Array(band.length);
    for (let i = 0; i < filled.length; i++) filled[i] = band[sources[i]!]!;
    return filled;
  });
}

/** The pixel whose colour each pixel gets. */
function sourcesOf(mask: Uint8Array, width: number, height: number): Int32Array {
  const sources = new Int32Array(mask.length);
  let firstRow = height;
  for (let row = 0; row < height; row++) {
    const start = row * width;
    let seen = start;
    while (seen < start + width && mask[seen] === 0) seen++;
    if (seen === start + width) {
      if (row > firstRow) sources.copyWithin(start, start - width, start);
      continue;
    }
    firstRow = Math.min(firstRow, row);
    for (let i = start; i < start + width; i++) {
      if (mask[i]! !== 0) seen = i;
      sources[i] = seen;
    }
  }
  if (firstRow === height) return sources;
  for (let row = 0; row < firstRow; row++) {
    sources.copyWithin(row * width, firstRow * width, (firstRow + 1) * width);
  }
  return sources;
}
