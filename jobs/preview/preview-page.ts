/**
 * The page of `tilewright preview`: markup, style sheet and script, kept as text so that the compiled program needs no
 * files beside it. Everything it loads comes from the preview server itself.
 */
export function previewPage(title: string): string {
  const safe = escapeHtml(title);
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${safe} · Tilewright</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/maplibre-gl.css" />
    <link rel="stylesheet" href="/preview.css" />
    <script type="module" src="/preview.mjs"></script>
  </head>
  <body data-state="loading">
    <main id="map" aria-label="Map of the tileset"></main>
    <aside>
      <h1>${safe}</h1>
      <p><output id="zoom"></output></p>
      <p><label><input type="checkbox" id="grid" /> tile grid</label></p>
      <p id="problem" role="alert" hidden></p>
    </aside>
  </body>
</html>
`;
}

export const PREVIEW_STYLE = `
html, body, #map { height: 100%; margin: 0; }
body { font: 14px/1.4 system-ui, sans-serif; color: #1c2430; }
#map { background: #e6e8eb; }
aside {
  position: absolute; top: 10px; left: 10px; max-width: min(22rem, calc(100vw - 90px)); padding: 10px 14px;
  background: rgb(255 255 255 / 92%); border-radius: 6px; box-shadow: 0 1px 4px rgb(0 0 0 / 25%);
}
h1 { margin: 0 0 4px; font-size: 16px; overflow-wrap: anywhere; }
p { margin: 2px 0; }
.tile-name { font: 11px/1 ui-monospace, monospace; color: #fff; text-shadow: 0 0 3px #000, 0 0 2px #000; padding: 4px; }
#problem { color: #a4161a; overflow-wrap: anywhere; }
`;

/** The zoom of the tiles is not MapLibre's own: that one counts 512 px tiles and has fractions. */
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

async function start() {
  const response = await fetch('/tilejson.json');
  if (!response.ok) throw new Error('tilejson.json: ' + (await response.text()));
  const tileset = await response.json();
  const map = new Map({
    container: 'map',
    hash: true,
    bounds: tileset.bounds,
    fitBoundsOptions: { padding: 30, maxZoom: tileset.maxzoom },
    maxZoom: Math.min(tileset.maxzoom + 4, 24),
    attributionControl: tileset.attribution ? { compact: true } : false,
    style: {
      version: 8,
      sources: {
        tileset: {
          type: 'raster',
          tiles: tileset.tiles,
          tileSize: tileset.tileSize,
          minzoom: tileset.minzoom,
          maxzoom: tileset.maxzoom,
          bounds: tileset.bounds,
          ...(tileset.attribution ? { attribution: tileset.attribution } : {}),
        },
        grid: { type: 'geojson', data: lines([]) },
      },
      layers: [
        { id: 'background', type: 'background', paint: { 'background-color': '#e6e8eb' } },
        { id: 'tiles', type: 'raster', source: 'tileset', paint: { 'raster-fade-duration': 0 } },
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
  });

  map.on('error', (event) => say(event.error.message));
  map.on('movestart', () => (document.body.dataset.state = 'moving'));
  map.on('idle', () => (document.body.dataset.state = 'idle'));
}

start().catch((error) => say(String(error.message)));
`;

/** Makes text safe as the content of an element, and as an attribute in double quotes. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
