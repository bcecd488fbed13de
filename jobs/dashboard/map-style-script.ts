/** Colours, layers and geometry of the map of a run, and the zoom that it shows. Text for browsers. */
export const MAP_STYLE_SCRIPT = `
export const isDark = matchMedia('(prefers-color-scheme: dark)');
export const colours = () =>
  isDark.matches
    ? { ground: '#161b22', grid: '#2b333e', edge: '#8792a0', done: '#4f9ae6', failed: '#ff8a5c', area: '#a3adba' }
    : { ground: '#eceef1', grid: '#d3d8df', edge: '#7a8696', done: '#2a78c8', failed: '#c63a0e', area: '#566070' };

export const none = { type: 'FeatureCollection', features: [] };
const lngOf = (column, n) => (column / n) * 360 - 180;
const latOf = (row, n) => (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / n))) * 180) / Math.PI;

export function squareOf(x, y, n) {
  const [west, north, east, south] = [lngOf(x, n), latOf(y, n), lngOf(x + 1, n), latOf(y + 1, n)];
  return { type: 'Polygon', coordinates: [[[west, north], [east, north], [east, south], [west, south], [west, north]]] };
}

export const featureOf = (geometry, properties = {}) => ({ type: 'Feature', properties, geometry });

function graticule() {
  const lines = [];
  for (let lng = -180; lng <= 180; lng += 15) lines.push([[lng, -85], [lng, 85]]);
  for (let lat = -75; lat <= 75; lat += 15) lines.push([[-180, lat], [180, lat]]);
  return featureOf({ type: 'MultiLineString', coordinates: lines });
}

export function areaOf([west, south, east, north]) {
  const right = east < west ? east + 360 : east;
  return featureOf({ type: 'Polygon', coordinates: [[[west, north], [right, north], [right, south], [west, south], [west, north]]] });
}

/** Hatching, so that failed squares differ by more than colour. */
export function hatching(colour) {
  const size = 12;
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = size;
  const draw = canvas.getContext('2d');
  draw.strokeStyle = colour;
  draw.lineWidth = 4;
  draw.beginPath();
  for (const shift of [-size, 0, size]) {
    draw.moveTo(shift - 2, size + 2);
    draw.lineTo(shift + size + 2, -2);
  }
  draw.stroke();
  return draw.getImageData(0, 0, size, size);
}

export function styleOf() {
  const c = colours();
  const geojson = (data = none) => ({ type: 'geojson', data, tolerance: 0 });
  return {
    version: 8,
    sources: { graticule: geojson(graticule()), area: geojson(), cells: geojson(), mark: geojson() },
    layers: [
      { id: 'background', type: 'background', paint: { 'background-color': c.ground } },
      { id: 'graticule', type: 'line', source: 'graticule', paint: { 'line-color': c.grid } },
      { id: 'area', type: 'line', source: 'area', paint: { 'line-color': c.area, 'line-dasharray': [4, 3] } },
      { id: 'done', type: 'fill', source: 'cells', paint: { 'fill-color': c.done, 'fill-opacity': 0, 'fill-antialias': false } },
      { id: 'edges', type: 'line', source: 'cells', paint: { 'line-color': c.edge, 'line-width': 0.5, 'line-opacity': 0.5 } },
      { id: 'failed', type: 'fill', source: 'cells', filter: ['>', ['get', 'failed'], 0], paint: { 'fill-pattern': 'hatching' } },
      { id: 'failed-edges', type: 'line', source: 'cells', filter: ['>', ['get', 'failed'], 0], paint: { 'line-color': c.failed, 'line-width': 2 } },
      { id: 'mark', type: 'line', source: 'mark', paint: { 'line-color': c.failed, 'line-width': 5 } },
    ],
  };
}

/** The zoom that is being rendered; of a run that is over, the one with failures, or the last. */
export function followed(zooms) {
  const open = zooms.filter(({ metatiles, done, failed }) => done + failed < metatiles);
  const begun = open.filter(({ done, failed }) => done + failed > 0);
  const worst = zooms.filter(({ failed }) => failed > 0).at(-1);
  return ((open.length > 0 ? (begun[0] ?? open[0]) : (worst ?? zooms.at(-1))) ?? { z: 0 }).z;
}
`;
