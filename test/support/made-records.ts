import { createHash } from 'node:crypto';
import type { MetatileRecord } from '../../src/store/records/metatile-record.ts';
import { tileIdFromTile } from '../../src/tms/tile-id.ts';

/** 32 hex digits of a text. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The record of a metatile of four tiles of zoom 9, of which one is empty; `seed` changes what is in it. */
export function madeRecord(index: number, seed = 0): MetatileRecord {
  const x = (index * 2) % 512;
  const y = Math.floor((index * 2) / 512) * 2;
  const ids = [
    [x, y],
    [x + 1, y],
    [x, y + 1],
    [x + 1, y + 1],
  ]
    .map(([column = 0, row = 0]) => tileIdFromTile({ z: 9, x: column, y: row }))
    .sort((a, b) => a - b);
  const file = { key: 'red', href: `https://example.test/${index}.tif`, version: '"1"' };
  return {
    index,
    inputs: {
      signature: digestOf(`signature ${index} ${seed}`),
      scenes: [
        { scene: 's2/item-1', datetime: '2024-05-01T10:00:00Z', version: digestOf('1'), files: [file] },
        { scene: 'item-2', datetime: null, version: digestOf('2'), files: [] },
      ],
      children: [],
    },
    tiles: ids.slice(1).map((tileId) => ({ tileId, length: 1_000 + seed, digest: digestOf(`${tileId} ${seed}`) })),
    empty: ids.slice(0, 1),
    failed: [],
  };
}
