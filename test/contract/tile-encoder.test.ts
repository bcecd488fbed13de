import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { createEncoder } from '../../src/render/encode/create-encoder.ts';
import { encodedDigests } from '../support/encoded-digests.ts';
import { describeTileEncoder } from './tile-encoder.contract.ts';
import type { TileEncoderCase } from './tile-encoder.contract.ts';

const CASES: readonly TileEncoderCase[] = [
  { name: 'PNG', format: 'png', options: {}, maxError: 0, maxEdgeError: 0, keepsMask: true },
  { name: 'WebP', format: 'webp', options: {}, maxError: 24, maxEdgeError: 90, keepsMask: true },
  {
    name: 'WebP, quality 100',
    format: 'webp',
    options: { quality: 100 },
    maxError: 12,
    maxEdgeError: 90,
    keepsMask: true,
  },
  {
    name: 'WebP, lossless',
    format: 'webp',
    options: { lossless: true },
    maxError: 0,
    maxEdgeError: 0,
    keepsMask: true,
  },
  { name: 'AVIF', format: 'avif', options: {}, maxError: 24, maxEdgeError: 90, keepsMask: true },
  {
    name: 'AVIF, quality 90',
    format: 'avif',
    options: { quality: 90 },
    maxError: 12,
    maxEdgeError: 90,
    keepsMask: true,
  },
  {
    name: 'AVIF, lossless',
    format: 'avif',
    options: { lossless: true },
    maxError: 0,
    maxEdgeError: 0,
    keepsMask: true,
  },
  { name: 'JPEG', format: 'jpeg', options: {}, maxError: 24, maxEdgeError: 90, keepsMask: false },
  {
    name: 'JPEG, quality 100',
    format: 'jpeg',
    options: { quality: 100 },
    maxError: 6,
    maxEdgeError: 90,
    keepsMask: false,
  },
];

for (const encoder of CASES) describeTileEncoder(encoder);

test.each(['jpeg', 'webp', 'avif'] as const)('%s refuses 16 bits', async (format) => {
  const deep = { width: 1, height: 1, dtype: 'uint16', bands: [Uint16Array.of(1)], mask: Uint8Array.of(255) } as const;
  await expect((async () => await createEncoder(format).encode(deep))()).rejects.toThrow(/uint16: expected 1 or 3 of/);
});

test('another process gives the same bytes', async () => {
  const script = new URL('../support/encoded-digests.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(script)}).then(async (m) => console.log(JSON.stringify(await m.encodedDigests())))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', '--eval', code]);
  expect(JSON.parse(stdout)).toEqual(await encodedDigests());
});
