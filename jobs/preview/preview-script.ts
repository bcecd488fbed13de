/**
 * The script of the page, text for browsers. The zoom of the tiles is not MapLibre's own: that one counts 512 px tiles and has
 * fractions.
 */
export const PREVIEW_SCRIPT = `
import { Map, Marker, NavigationControl, ScaleControl } from '/maplibre-gl.mjs';

const element = (id) => document.getElementById(id);
const say = (problem) => {
  element('problem').textContent = problem;
  element('problem').hidden = false;
};

const lines = (coordinates) => ({
  type: 'Feature',
  properties: {},
  geometry: { type: 'MultiLineString', coordinates },
});

// Tile addresses of OGC's WebMercatorQuad, with fractions; columns go on beyond 180 degrees, as the map does.
const columnOf = (lng, n) => ((lng + 180) / 360) * n;
const rowOf = (lat, n) => ((1 - Math.asinh(Math.tan((lat * Math.PI) / 180)) / Math.PI) / 2) * n;
const lngOf = (column, n) => (column / n) * 360 - 180;
const latOf = (row, n) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / n))) * 180) / Math.PI;

function gridOf(bounds, zoom) {
  const n = 2 ** zoom;
  const west = Math.floor(columnOf(bounds.getWest(), n));
  const east = Math.ceil(columnOf(bounds.getEast(), n));
  const north = Math.max(0, Math.floor(rowOf(bounds.getNorth(), n)));
  const south = Math.min(n, Math.ceil(rowOf(bounds.getSouth(), n)));
  const edges = [];
  const corners = [];
  for (let x = west; x <= east; x++) edges.push([north, south].map((y) => [lngOf(x, n), latOf(y, n)]));
  for (let y = north; y <= south; y++) edges.push([west, east].map((x) => [lngOf(x, n), latOf(y, n)]));
  for (let x = west; x < east; x++) {
    for (let y = north; y < south; y++) {
      corners.push({ at: [lngOf(x, n), latOf(y, n)], name: zoom + '/' + (((x % n) + n) % n) + '/' + y });
    }
  }
  return { edges, corners };
}

const FOLLOW_MS = 5000;

async function read(path) {
  const response = await fetch(path);
  if (response.status === 204 || response.status === 404) return null;
  if (!response.ok) throw new Error(path + ': ' + (await response.text()));
  return await response.json();
}

/** '' = the version that counts. */
const readTileset = async (version) => {
  const path = '/tilejson.json' + (version === '' ? '' : '?v=' + encodeURIComponent(version));
  const tileset = await read(path);
  if (tileset === null) throw new Error(path + ': nothing there any more');
  return tileset;
};

const sourceOf = ({ tiles, tileSize, minzoom, maxzoom, bounds, attribution }) => ({
  type: 'raster', tiles, tileSize, minzoom, maxzoom, bounds, ...(attribution ? { attribution } : {}),
});
const layer = { id: 'tiles', type: 'raster', source: 'tileset', paint: { 'raster-fade-duration': 0 } };

async function start() {
  const select = element('version');
  let tileset = await readTileset('');
  const map = new Map({
    container: 'map',
    hash: true,
    bounds: tileset.bounds,
    fitBoundsOptions: { padding: 30, maxZoom: tileset.maxzoom },
    maxZoom: Math.min(tileset.maxzoom + 4, 24),
    attributionControl: { compact: true },
    style: {
      version: 8,
      sources: { tileset: sourceOf(tileset), grid: { type: 'geojson', data: lines([]) } },
      layers: [
        { id: 'background', type: 'background', paint: { 'background-color': '#e6e8eb' } },
        layer,
        { id: 'grid', type: 'line', source: 'grid', paint: { 'line-color': '#d02670', 'line-width': 1 } },
      ],
    },
  });
  map.addControl(new NavigationControl());
  map.addControl(new ScaleControl());

  const wantedZoom = () => Math.round(map.getZoom() + Math.log2(512 / tileset.tileSize));
  const shownZoom = () => Math.max(tileset.minzoom, Math.min(wantedZoom(), tileset.maxzoom));
  const showZoom = () => {
    const wanted = wantedZoom();
    const range = 'z' + tileset.minzoom + ' to z' + tileset.maxzoom;
    const shown = wanted < tileset.minzoom ? 'zoom in for tiles' : 'tiles of z' + shownZoom();
    const scaled = wanted > tileset.maxzoom ? ', enlarged' : '';
    element('zoom').value = shown + scaled + ' (' + range + ', ' + tileset.format + ', ' + tileset.tileSize + ' px)';
  };
  map.on('zoom', showZoom);
  showZoom();

  let names = [];
  const showGrid = () => {
    for (const marker of names) marker.remove();
    const { edges, corners } = element('grid').checked ? gridOf(map.getBounds(), shownZoom()) : { edges: [], corners: [] };
    map.getSource('grid').setData(lines(edges));
    names = (corners.length > 300 ? [] : corners).map(({ at, name }) => {
      const label = document.createElement('div');
      label.className = 'tile-name';
      label.textContent = name;
      return new Marker({ element: label, anchor: 'top-left' }).setLngLat(at).addTo(map);
    });
  };
  map.on('load', () => {
    element('grid').addEventListener('change', showGrid);
    map.on('moveend', showGrid);
    showGrid();
    select.addEventListener('change', () => show().catch((error) => say(error.message)));
    showVersion();
    keepFollowing();
  });

  const showVersion = () => (document.body.dataset.version = (tileset.version ?? '').split('+')[1] ?? '');
  /** Another version may have other zooms, bounds and a format of its own. */
  const show = async () => {
    tileset = await readTileset(select.value);
    document.body.dataset.state = 'moving';
    map.removeLayer('tiles');
    map.removeSource('tileset');
    map.addSource('tileset', sourceOf(tileset));
    map.addLayer(layer, 'grid');
    map.setMaxZoom(Math.min(tileset.maxzoom + 4, 24));
    showZoom();
    showGrid();
    showVersion();
  };

  function showVersions({ current, versions }) {
    const counts = versions.map(({ id, tiles }) => [id, id + ': ' + tiles.toLocaleString('en') + ' tiles']);
    const options = [['', current + ' (the one that counts)'], ...(counts.length > 1 ? counts : [])];
    const wanted = select.value;
    select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    select.value = options.some(([value]) => value === wanted) ? wanted : '';
    element('versions').hidden = false;
    return select.value !== wanted;
  }

  /** What is published meanwhile is seen soon after. */
  let current = null;
  const follow = async () => {
    const document = await read('/versions.json');
    if (document === null) return;
    const isOther = showVersions(document) || (current !== null && current !== document.current && select.value === '');
    current = document.current;
    if (isOther) await show();
  };
  const keepFollowing = () =>
    follow()
      .catch((error) => console.warn(error.message))
      .finally(() => setTimeout(keepFollowing, FOLLOW_MS));

  map.on('error', (event) => say(event.error.message));
  map.on('movestart', () => (document.body.dataset.state = 'moving'));
  map.on('idle', () => (document.body.dataset.state = 'idle'));
}

start().catch((error) => say(String(error.message)));
`;
