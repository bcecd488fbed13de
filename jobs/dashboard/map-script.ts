/** The map of a run: its metatiles as squares over the finished tiles. Text for browsers. */
export const MAP_SCRIPT = `
import { Map as MapView, NavigationControl, ScaleControl } from '/maplibre-gl.mjs';
import { areaOf, colours, featureOf, followed, hatching, isDark, none, squareOf, styleOf } from '/dashboard-map-style.mjs';

const element = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat('en');
export function createRunMap(onProblem) {
  const container = element('map');
  const select = element('zoom');
  let map = null;
  let ready = null;
  let status = null;
  let run = null;
  let wanted = 0;
  let drawn = '';
  let timer;
  let isAsking = false;
  /** When to ask again once there is an answer: null = not. */
  let again = null;
  let paceMs = 1000;
  let refreshedAt = 0;
  /** Version whose tiles are shown. */
  let published = null;

  const start = () => {
    map = new MapView({
      container, style: styleOf(), attributionControl: false, center: [0, 20], zoom: 0.5, maxZoom: 24, fadeDuration: 0,
      renderWorldCopies: true,
    });
    map.addControl(new NavigationControl({ showCompass: false }));
    map.addControl(new ScaleControl());
    map.dragRotate.disable();
    map.touchZoomRotate.disableRotation();
    map.keyboard.disableRotation();
    map.on('error', (event) => console.warn(event.error.message));
    map.on('moveend', () => refresh(true));
    map.on('movestart', () => (container.dataset.map = 'moving'));
    map.on('idle', () => (container.dataset.map = 'idle'));
    ready = new Promise((resolve) => map.on('load', resolve));
    ready.then(() => {
      map.addImage('hatching', hatching(colours().failed), { pixelRatio: 2 });
      isDark.addEventListener('change', recolour);
    });
  };

  const recolour = () => {
    for (const { id, paint } of styleOf().layers) {
      for (const [name, value] of Object.entries(paint)) if (name !== 'fill-opacity') map.setPaintProperty(id, name, value);
    }
    map.updateImage('hatching', hatching(colours().failed));
  };

  const shownZoom = () => (select.value === 'follow' || select.value === '' ? followed(status.zooms) : Number(select.value));

  function showZooms() {
    const options = [['follow', 'z' + followed(status.zooms) + ' (follow the run)']].concat(
      status.zooms.map(({ z, metatiles, done, failed }) => [
        String(z),
        'z' + z + ': ' + whole.format(done) + ' of ' + whole.format(metatiles) + (failed > 0 ? ', ' + whole.format(failed) + ' failed' : ''),
      ]),
    );
    while (select.length > options.length) select.remove(select.length - 1);
    options.forEach(([value, text], i) => {
      const option = select.options[i] ?? select.appendChild(new Option());
      if (option.value !== value) option.value = value;
      if (option.textContent !== text) option.textContent = text;
    });
    const zoom = status.zooms.find(({ z }) => z === shownZoom());
    element('zoom-figures').value = zoom
      ? 'z' + zoom.z + ': ' + whole.format(zoom.done) + ' of ' + whole.format(zoom.metatiles) + ' metatiles done' +
        (zoom.failed > 0 ? ', ' + whole.format(zoom.failed) + ' failed' : '')
      : '';
  }

  /** Another run: its area, and its finished tiles underneath. */
  async function open(name) {
    run = name;
    wanted++;
    const mine = wanted;
    drawn = '';
    select.value = 'follow';
    container.dataset.cells = '';
    if (map === null) start();
    await ready;
    const response = await fetch('/api/runs/' + encodeURIComponent(name));
    if (mine !== wanted || !response.ok) return;
    const found = (await response.json()).map;
    map.getSource('cells').setData(none);
    map.getSource('mark').setData(none);
    map.getSource('area').setData(areaOf(found.bbox));
    if (map.getLayer('tiles')) {
      map.removeLayer('tiles');
      map.removeSource('tiles');
    }
    map.addSource('tiles', {
      type: 'raster', tiles: [location.origin + found.tiles], tileSize: found.tileSize,
      minzoom: found.minzoom, maxzoom: found.maxzoom, bounds: found.bbox[0] > found.bbox[2] ? undefined : found.bbox,
    });
    map.addLayer({ id: 'tiles', type: 'raster', source: 'tiles', paint: { 'raster-fade-duration': 0 } }, 'area');
    showTiles();
    showVersion(found);
    const [west, south, east, north] = found.bbox;
    map.fitBounds([west, south, east < west ? east + 360 : east, north], { padding: 24, animate: false, maxZoom: found.maxzoom + 1 });
    refresh(true);
  }

  function showVersion({ version, problem, isArchive }) {
    element('map-version').title = problem ?? '';
    if (problem === null) published = version;
    element('map-version').value =
      problem !== null ? 'cannot be read' : version ? 'of version ' + version : isArchive ? 'once a version is published' : '';
  }

  /** A version that is published meanwhile has other tiles. */
  async function followVersion() {
    const mine = wanted;
    if (run === null || document.hidden) return;
    const response = await fetch('/api/runs/' + encodeURIComponent(run));
    if (!response.ok || mine !== wanted) return;
    const found = (await response.json()).map;
    if (found === null || !map?.getSource('tiles')) return;
    const isOther = found.problem === null && found.version !== published;
    showVersion(found);
    if (isOther) map.refreshTiles('tiles');
  }
  const keepFollowing = () => {
    const again = () => setTimeout(keepFollowing, 5000);
    followVersion().then(again, again);
  };

  const showTiles = () => {
    const isOn = element('show-tiles').checked;
    if (map?.getLayer('tiles')) map.setLayoutProperty('tiles', 'visibility', isOn ? 'visible' : 'none');
    // Tiles shine through.
    const full = isOn ? 0.35 : 0.9;
    map?.setPaintProperty('done', 'fill-opacity', ['interpolate', ['linear'], ['get', 'share'], 0, 0, 0.01, full * 0.2, 0.99, full * 0.7, 1, full]);
  };

  /** Asks for the squares in view if anything can have changed; never twice at a time, and less often if it takes long. */
  function refresh(isForced) {
    if (map === null || status === null || run !== status.run) return;
    const key = [run, shownZoom(), status.settledMetatiles, status.failedMetatiles, status.state].join(' ');
    if (!isForced && key === drawn) return;
    if (again !== 'now') again = isForced ? 'now' : 'later';
    if (isAsking || (timer !== undefined && !isForced)) return;
    askAfter(isForced ? 0 : paceMs / 2);
  }

  const askAfter = (waitMs) => {
    clearTimeout(timer);
    timer = setTimeout(ask, waitMs);
  };

  async function ask() {
    timer = undefined;
    if (status === null || document.hidden) {
      drawn = '';
      return;
    }
    isAsking = true;
    again = null;
    const mine = wanted;
    const zoom = shownZoom();
    const key = [run, zoom, status.settledMetatiles, status.failedMetatiles, status.state].join(' ');
    const began = performance.now();
    try {
      await ready;
      const bounds = map.getBounds();
      const box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((value) => value.toFixed(6));
      const response = await fetch('/api/runs/' + encodeURIComponent(run) + '/cells?zoom=' + zoom + '&bbox=' + box.join(','));
      const answer = await response.json();
      if (mine !== wanted) return;
      if (!response.ok) throw new Error(answer.message);
      draw(answer, zoom);
      if (key !== drawn) refreshTiles();
      drawn = key;
      if (!answer.isExact) again ??= 'later';
    } catch (error) {
      if (mine === wanted) container.dataset.cells = 'unknown';
      again ??= 'later';
      console.warn(error.message);
    } finally {
      isAsking = false;
      paceMs = Math.min(15000, Math.max(1000, (performance.now() - began) * 10));
      if (mine !== wanted || again === 'now') askAfter(0);
      else if (again === 'later') askAfter(Math.max(paceMs, 2000) / 2);
    }
  }

  function draw({ level, sampled, cells }, zoom) {
    const n = 2 ** level;
    const features = [];
    const sums = { todo: 0, part: 0, done: 0, failed: 0 };
    for (let i = 0; i < cells.length; i += 5) {
      const [x, y, done, failed, total] = cells.slice(i, i + 5);
      if (total === 0) continue;
      sums[failed > 0 ? 'failed' : done === total ? 'done' : done === 0 ? 'todo' : 'part']++;
      features.push(featureOf(squareOf(x, y, n), { share: done / total, failed }));
    }
    map.getSource('cells').setData({ type: 'FeatureCollection', features });
    map.setPaintProperty('edges', 'line-opacity', features.length > 1500 ? 0.2 : 0.5);
    container.dataset.cells = Object.values(sums).join(' ');
    container.dataset.zoom = String(zoom);
    container.dataset.level = String(level);
    container.dataset.sampled = String(sampled);
  }

  /** Tiles that were not there when they were asked for may be there now. */
  function refreshTiles() {
    const now = performance.now();
    if (now - refreshedAt < 4000 || !map.getSource('tiles') || !element('show-tiles').checked) return;
    refreshedAt = now;
    map.refreshTiles('tiles');
  }

  select.addEventListener('change', () => {
    showZooms();
    refresh(true);
  });
  element('show-tiles').addEventListener('change', showTiles);
  keepFollowing();

  return {
    show(next) {
      status = next;
      if (status === null) return;
      if (run !== status.run) open(status.run).catch((error) => onProblem('The map cannot be shown: ' + error.message));
      showZooms();
      refresh(false);
    },
    /** Shows a tile, z/x/y, with the metatiles of the zoom that makes it. */
    flyTo(tile) {
      const [z, x, y] = tile.split('/').map(Number);
      const base = status.zooms.find((zoom) => zoom.z >= z) ?? status.zooms.at(-1);
      if (base) select.value = String(base.z);
      showZooms();
      const square = squareOf(x, y, 2 ** z);
      map.getSource('mark').setData(featureOf(square));
      const [[west, north], , [east, south]] = square.coordinates[0];
      map.fitBounds([west, south, east, north], { padding: 80, maxZoom: z + 1 });
      container.dataset.mark = tile;
      container.scrollIntoView({ block: 'nearest' });
    },
  };
}
`;
