import type { RenderOptions } from '../tile-renderer.ts';
import type { EncodeOptions, TileEncoder } from './encoder.ts';
import { createPngEncoder } from './png-encoder.ts';
import { createAvifEncoder, createJpegEncoder, createWebpEncoder } from './sharp-encoder.ts';

/** Formats that a request can ask for. */
export type TileFormat = RenderOptions['format'];

/** Every encoder by the name that a request uses. */
const ENCODERS = {
  png: createPngEncoder,
  jpeg: createJpegEncoder,
  webp: createWebpEncoder,
  avif: createAvifEncoder,
} as const satisfies Record<TileFormat, (options: EncodeOptions) => TileEncoder>;

/** Makes the encoder of a format. */
export function createEncoder(format: TileFormat, options: EncodeOptions = {}): TileEncoder {
  return ENCODERS[format](options);
}
