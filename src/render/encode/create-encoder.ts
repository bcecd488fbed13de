import type { RenderOptions } from '../tile-renderer.ts';
import type { TileEncoder } from './encoder.ts';
import { createPngEncoder } from './png-encoder.ts';
import { createJpegEncoder, createWebpEncoder } from './sharp-encoder.ts';

/** Formats that a request can ask for. */
export type TileFormat = RenderOptions['format'];

/** Every encoder by the name that a request uses. */
const ENCODERS = {
  png: createPngEncoder,
  jpeg: createJpegEncoder,
  webp: createWebpEncoder,
} as const satisfies Record<TileFormat, () => TileEncoder>;

/** Makes the encoder of a format. */
export function createEncoder(format: TileFormat): TileEncoder {
  return ENCODERS[format]();
}
