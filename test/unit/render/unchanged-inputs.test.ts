import { describe, expect, test } from 'vitest';
import { FILE_ABSENT } from '../../../src/cog/cog.ts';
import type { FileVersions } from '../../../src/cog/file-versions.ts';
import type { Scene } from '../../../src/mosaic/scene.ts';
import type { FileInput, MetatileInputs } from '../../../src/render/metatile-inputs.ts';
import { hasSameFiles } from '../../../src/render/unchanged-inputs.ts';

const NEVER = { signal: new AbortController().signal };
const HREF = 'https://data.example/scene.tif?token=2';

function sceneOf(fields: Partial<Scene['assets'][number]> = {}): Scene {
  const assets = [{ key: 'data', href: HREF, ...fields }];
  return { itemId: 'a', collection: null, datetime: null, version: '1', footprint: null, bbox: null, assets };
}

function inputsOf(...files: readonly FileInput[]): MetatileInputs {
  return { signature: '', scenes: [{ scene: 'a', datetime: null, version: '1', files }], children: [] };
}

/** The versions of today, by href; others are not to be asked for. */
function versions(found: Readonly<Record<string, string | null>>): FileVersions {
  return {
    versionOf(href) {
      const version = found[href];
      return version === undefined ? Promise.reject(new Error(`asked for ${href}`)) : Promise.resolve(version);
    },
  };
}

const MAIN: FileInput = { key: 'data', href: 'https://data.example/scene.tif', version: '"1"' };
const OVERVIEWS: FileInput = { key: 'data', href: 'https://data.example/scene.tif.ovr', version: FILE_ABSENT };

describe('files are the same', () => {
  test('by the hrefs of today, signature and all', async () => {
    expect(await hasSameFiles(inputsOf(MAIN), [sceneOf()], versions({ [HREF]: '"1"' }), NEVER)).toBe(true);
    expect(await hasSameFiles(inputsOf(MAIN), [sceneOf()], versions({ [HREF]: '"2"' }), NEVER)).toBe(false);
    expect(await hasSameFiles(inputsOf(MAIN), [sceneOf()], versions({ [HREF]: null }), NEVER)).toBe(false);
  });

  test('with those beside them, which no checksum of the item is about', async () => {
    const beside = 'https://data.example/scene.tif.ovr?token=2';
    const scene = sceneOf({ checksum: '12' });
    const inputs = inputsOf(MAIN, OVERVIEWS);
    const same = { [HREF]: '"1"', [beside]: FILE_ABSENT };
    expect(await hasSameFiles(inputs, [scene], versions(same), NEVER)).toBe(true);
    expect(await hasSameFiles(inputs, [scene], versions({ ...same, [beside]: '"1"' }), NEVER)).toBe(false);
  });

  test('by the checksum of the item only where nothing says a version', async () => {
    const scene = sceneOf({ checksum: '12' });
    expect(await hasSameFiles(inputsOf(MAIN), [scene], versions({ [HREF]: '"2"' }), NEVER)).toBe(false);
    const unknown = inputsOf({ ...MAIN, version: null });
    expect(await hasSameFiles(unknown, [scene], versions({}), NEVER)).toBe(true);
    expect(await hasSameFiles(unknown, [sceneOf()], versions({ [HREF]: null }), NEVER)).toBe(false);
  });

  test('not if the asset has another href or is gone', async () => {
    const moved = sceneOf({ href: 'https://data.example/moved.tif' });
    expect(await hasSameFiles(inputsOf(MAIN), [moved], versions({}), NEVER)).toBe(false);
    expect(await hasSameFiles(inputsOf({ ...MAIN, key: 'other' }), [sceneOf()], versions({}), NEVER)).toBe(false);
    expect(await hasSameFiles(inputsOf(MAIN), [], versions({}), NEVER)).toBe(false);
  });
});
