import type { SceneRecord } from './scenes.ts';

export const COLLECTION_ID = 'blue-marble-passes';
/** The one asset of every item: three bands, red, green, blue. */
export const ASSET_KEY = 'visual';

/** The STAC item of a scene; `baseUrl` is where the COGs are served. */
export function itemOf(scene: SceneRecord, baseUrl: string) {
  const ring = [...scene.ring, scene.ring[0]!];
  const lngs = ring.map(([lng]) => lng);
  const lats = ring.map(([, lat]) => lat);
  return {
    type: 'Feature' as const,
    stac_version: '1.0.0',
    stac_extensions: [
      'https://stac-extensions.github.io/eo/v1.1.0/schema.json',
      'https://stac-extensions.github.io/projection/v2.0.0/schema.json',
    ],
    id: scene.id,
    collection: COLLECTION_ID,
    geometry: { type: 'Polygon' as const, coordinates: [ring.map(([lng, lat]) => [lng, lat])] },
    bbox: [Math.min(...lngs), Math.min(...lats), Math.max(...lngs), Math.max(...lats)],
    properties: {
      datetime: scene.datetime,
      updated: scene.datetime,
      'eo:cloud_cover': scene.cloudCover,
      'proj:code': `EPSG:${scene.epsg}`,
      'proj:shape': [scene.height, scene.width],
      'proj:transform': [...scene.transform],
    },
    links: [],
    assets: {
      [ASSET_KEY]: {
        href: `${baseUrl}/${scene.file}`,
        type: 'image/tiff; application=geotiff; profile=cloud-optimized',
        title: 'Red, green and blue',
        roles: ['visual', 'data'],
      },
    },
  };
}
