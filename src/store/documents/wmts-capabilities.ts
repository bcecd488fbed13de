import { isCrossing } from '../../geo/bbox.ts';
import { tileRangeOf } from '../../tms/tile-range.ts';
import { WEB_MERCATOR_QUAD } from '../../tms/web-mercator-quad.ts';
import type { TileMatrix } from '../../tms/tile-matrix-set.ts';
import type { TilesetDescription } from './tileset-description.ts';

export interface WmtsLinks {
  /** Absolute template of the tiles, with `{z}`, `{x}` and `{y}`. */
  readonly tiles: string;
  /** Absolute URL of the document. */
  readonly capabilities: string;
}

/** Identifier of the one layer that a document describes. */
export const WMTS_LAYER = 'tileset';

/** Tile matrices of 256 pixels are those of web maps; those of 512 begin one scale further in, and are of no known set. */
const KNOWN_TILE_SIZE = 256;
const KNOWN_SCALES = 'urn:ogc:def:wkss:OGC:1.0:GoogleMapsCompatible';

/**
 * The capabilities of a tileset for clients of WMTS 1.0.0, of its RESTful form only: there is no service behind it. The tile
 * matrix set is WebMercatorQuad from zoom 0 on; the limits name the zooms that have tiles, and the rectangle of the area in
 * each.
 *
 * @see OGC 07-057r7, Web Map Tile Service Implementation Standard
 */
export function wmtsCapabilitiesOf(tileset: Omit<TilesetDescription, 'geometry'>, links: WmtsLinks): string {
  const { name, description, bbox, contentType, tileSize } = tileset;
  const grid = tileSize === KNOWN_TILE_SIZE ? 'WebMercatorQuad' : `WebMercatorQuad${tileSize}`;
  const [west, south, east, north] = isCrossing(bbox) ? [-180, bbox[1], 180, bbox[3]] : bbox;
  const template = links.tiles.replace('{z}', '{TileMatrix}').replace('{x}', '{TileCol}').replace('{y}', '{TileRow}');
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1" ' +
      'xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0.0">',
    '  <ows:ServiceIdentification>',
    `    <ows:Title>${escapeXml(name)}</ows:Title>`,
    '    <ows:ServiceType>OGC WMTS</ows:ServiceType>',
    '    <ows:ServiceTypeVersion>1.0.0</ows:ServiceTypeVersion>',
    '  </ows:ServiceIdentification>',
    '  <Contents>',
    '    <Layer>',
    `      <ows:Title>${escapeXml(name)}</ows:Title>`,
    ...(description === undefined ? [] : [`      <ows:Abstract>${escapeXml(description)}</ows:Abstract>`]),
    '      <ows:WGS84BoundingBox>',
    `        <ows:LowerCorner>${west} ${south}</ows:LowerCorner>`,
    `        <ows:UpperCorner>${east} ${north}</ows:UpperCorner>`,
    '      </ows:WGS84BoundingBox>',
    `      <ows:Identifier>${WMTS_LAYER}</ows:Identifier>`,
    '      <Style isDefault="true">',
    '        <ows:Identifier>default</ows:Identifier>',
    '      </Style>',
    `      <Format>${contentType}</Format>`,
    '      <TileMatrixSetLink>',
    `        <TileMatrixSet>${grid}</TileMatrixSet>`,
    ...limitLines(tileset),
    '      </TileMatrixSetLink>',
    `      <ResourceURL format="${contentType}" resourceType="tile" template="${escapeXml(template)}"/>`,
    '    </Layer>',
    '    <TileMatrixSet>',
    `      <ows:Identifier>${grid}</ows:Identifier>`,
    '      <ows:SupportedCRS>urn:ogc:def:crs:EPSG::3857</ows:SupportedCRS>',
    ...(tileSize === KNOWN_TILE_SIZE ? [`      <WellKnownScaleSet>${KNOWN_SCALES}</WellKnownScaleSet>`] : []),
    ...matrixLines(tileset),
    '    </TileMatrixSet>',
    '  </Contents>',
    `  <ServiceMetadataURL xlink:href="${escapeXml(links.capabilities)}"/>`,
    '</Capabilities>',
  ];
  return `${lines.join('\n')}\n`;
}

function limitLines({ bbox, minzoom, maxzoom }: Pick<TilesetDescription, 'bbox' | 'minzoom' | 'maxzoom'>): string[] {
  const lines: string[] = [];
  for (let z = minzoom; z <= maxzoom; z++) {
    const range = tileRangeOf(bbox, z);
    if (range === null) continue;
    const { columns, rows } = range;
    lines.push(
      '          <TileMatrixLimits>',
      `            <TileMatrix>${z}</TileMatrix>`,
      `            <MinTileRow>${rows[0]}</MinTileRow>`,
      `            <MaxTileRow>${rows[1]}</MaxTileRow>`,
      // Across the antimeridian there are two intervals, which WMTS has no word for.
      `            <MinTileCol>${columns[0]?.[0] ?? 0}</MinTileCol>`,
      `            <MaxTileCol>${columns.at(-1)?.[1] ?? 0}</MaxTileCol>`,
      '          </TileMatrixLimits>',
    );
  }
  return lines.length === 0 ? [] : ['        <TileMatrixSetLimits>', ...lines, '        </TileMatrixSetLimits>'];
}

function matrixLines({ maxzoom, tileSize }: Pick<TilesetDescription, 'maxzoom' | 'tileSize'>): string[] {
  return Array.from({ length: maxzoom + 1 }, (_, z) => WEB_MERCATOR_QUAD.matrix(z)).flatMap((matrix) => [
    '      <TileMatrix>',
    `        <ows:Identifier>${matrix.z}</ows:Identifier>`,
    `        <ScaleDenominator>${(matrix.scaleDenominator * matrix.tileWidth) / tileSize}</ScaleDenominator>`,
    `        <TopLeftCorner>${cornerOf(matrix)}</TopLeftCorner>`,
    `        <TileWidth>${tileSize}</TileWidth>`,
    `        <TileHeight>${tileSize}</TileHeight>`,
    `        <MatrixWidth>${matrix.matrixWidth}</MatrixWidth>`,
    `        <MatrixHeight>${matrix.matrixHeight}</MatrixHeight>`,
    '      </TileMatrix>',
  ]);
}

/** Easting and northing, the order of the axes of EPSG:3857. */
function cornerOf({ pointOfOrigin: [x, y] }: TileMatrix): string {
  return `${x} ${y}`;
}

/** Text and attribute values; characters that XML 1.0 cannot hold are left out. */
function escapeXml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&apos;',
  };
  return text
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '')
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
