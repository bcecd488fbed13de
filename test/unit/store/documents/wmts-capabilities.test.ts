import { describe, expect, test } from 'vitest';
import { wmtsCapabilitiesOf } from '../../../../src/store/documents/wmts-capabilities.ts';
import { documentsInput } from '../../../support/tileset-documents.ts';

/** OGC 07-057r7, annex E.4: the scale denominators of GoogleMapsCompatible, zoom 0 to 18. */
const DENOMINATORS = [
  '559082264.0287178 279541132.0143589 139770566.0071794 69885283.00358972 34942641.50179486 17471320.75089743',
  '8735660.375448715 4367830.187724358 2183915.093862179 1091957.546931089 545978.7734655447 272989.3867327723',
  '136494.6933663862 68247.34668319309 34123.67334159654 17061.83667079827 8530.918335399136 4265.459167699568',
  '2132.729583849784',
].flatMap((line) => line.split(' ').map(Number));

const LINKS = {
  tiles: 'https://tiles.example/a/{z}/{x}/{y}.png?a=1&b=2',
  capabilities: 'https://tiles.example/a/WMTSCapabilities.xml',
};

function capabilities(tileset: Parameters<typeof documentsInput>[0] = {}): string {
  return wmtsCapabilitiesOf(documentsInput(tileset).tileset, LINKS);
}

function valuesOf(xml: string, element: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map(([, value = '']) => value);
}

describe('the WMTS capabilities', () => {
  test('have the scales of the known set, to the last digit of its table', () => {
    const xml = capabilities({ tileset: { maxzoom: 18 } });
    const found = valuesOf(xml, 'ScaleDenominator').map(Number);
    expect(found).toHaveLength(19);
    for (const [z, value] of DENOMINATORS.entries()) expect(Math.abs((found[z] ?? 0) / value - 1)).toBeLessThan(1e-14);
    expect(valuesOf(xml, 'WellKnownScaleSet')).toEqual(['urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible']);
    expect(new Set(valuesOf(xml, 'TopLeftCorner'))).toEqual(new Set(['-20037508.342789244 20037508.342789244']));
    expect(valuesOf(xml, 'MatrixWidth').map(Number)).toEqual(DENOMINATORS.map((_, z) => 2 ** z));
  });

  test('tiles of 512 pixels are half as coarse, and of no known set', () => {
    const xml = capabilities({ tileset: { tileSize: 512, maxzoom: 17, minzoom: 17 } });
    const found = valuesOf(xml, 'ScaleDenominator').map(Number);
    expect(found).toHaveLength(18);
    for (const [z, value] of found.entries())
      expect(Math.abs(value / (DENOMINATORS[z + 1] ?? 0) - 1)).toBeLessThan(1e-14);
    expect(xml).not.toContain('wkss');
    expect(new Set(valuesOf(xml, 'TileWidth'))).toEqual(new Set(['512']));
  });

  test('limits are those of the area, for the zooms that have tiles', () => {
    const xml = capabilities();
    const limits = [...xml.matchAll(/<TileMatrixLimits>(.*?)<\/TileMatrixLimits>/gs)].map(([, text = '']) =>
      [...text.matchAll(/>(\d+)</g)].map(([, value]) => Number(value)),
    );
    // Zoom, first and last row, first and last column of 13.5 E to 15.25 E, 45.1 N to 46.5 N.
    expect(limits).toEqual([
      [6, 22, 22, 34, 34],
      [7, 45, 45, 68, 69],
      [8, 90, 91, 137, 138],
      [9, 181, 183, 275, 277],
    ]);
  });

  test('an area across the antimeridian has limits around the world, and its rows', () => {
    const xml = capabilities({ tileset: { bbox: [170, -20, -170, -10], minzoom: 4, maxzoom: 4 } });
    expect(valuesOf(xml, 'MinTileCol')).toEqual(['0']);
    expect(valuesOf(xml, 'MaxTileCol')).toEqual(['15']);
    expect(valuesOf(xml, 'MinTileRow')).toEqual(['8']);
    expect(valuesOf(xml, 'ows:LowerCorner')).toEqual(['-180 -20']);
    expect(valuesOf(xml, 'ows:UpperCorner')).toEqual(['180 -10']);
  });

  test('text is text, and the template names what WMTS calls it', () => {
    const xml = capabilities({ tileset: { name: 'a\u0000<b> & "c"\ud800' } });
    expect(valuesOf(xml, 'ows:Title')[0]).toBe('a&lt;b&gt; &amp; &quot;c&quot;');
    expect(xml).toContain('template="https://tiles.example/a/{TileMatrix}/{TileCol}/{TileRow}.png?a=1&amp;b=2"');
    expect(valuesOf(xml, 'Format')).toEqual(['image/png']);
  });
});
