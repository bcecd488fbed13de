import sharp from 'sharp';

/** The colours of a picture by column and row. */
export async function pixelReader(image: Buffer): Promise<(x: number, y: number) => number[]> {
  const { data, info } = await sharp(image).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  return (x, y) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)];
}
