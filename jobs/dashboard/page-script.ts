/** The list of runs, the connection to the server, and which run is shown. Text for browsers. */
export const PAGE_SCRIPT = `
import { createRunView, figure, percentOf, barOf, stateText } from '/dashboard-run.mjs';

const element = (id) => document.getElementById(id);
const runs = new Map();
const items = new Map();
const view = createRunView();

const chosenRun = () => {
  const [, name = ''] = /^#run=(.*)$/.exec(location.hash) ?? [];
  try {
    return decodeURIComponent(name);
  } catch {
    return '';
  }
};

function itemOf(run) {
  const known = items.get(run);
  if (known) return known;
  const item = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.innerHTML =
    '<span class="run-line"><b></b><span class="state"></span></span>' +
    '<span class="bar" aria-hidden="true"><i class="done"></i><i class="failed"></i></span>' +
    '<span class="run-line hint"><span class="counts"></span><span class="pace"></span></span>';
  button.addEventListener('click', () => {
    location.hash = 'run=' + encodeURIComponent(run);
    if (matchMedia('(max-width: 800px)').matches) element('run').scrollIntoView();
  });
  item.append(button);
  items.set(run, item);
  return item;
}

function showItem(status) {
  const item = itemOf(status.run);
  const find = (selector) => item.querySelector(selector);
  find('b').textContent = status.name ?? status.run;
  find('.state').className = 'state ' + status.state;
  find('.state').textContent = stateText(status);
  barOf(find('.bar'), status);
  const lane = status.lane ? ' · ' + status.lane + ' lane' : '';
  const failed = status.failed > 0 ? ' · ' + figure(status.failed) + ' failed' : '';
  find('.counts').textContent = percentOf(status) + failed + lane;
  find('.pace').textContent = status.tilesPerSecond === null ? '' : figure(status.tilesPerSecond) + ' tiles/s';
}

function showAll() {
  const list = element('runs');
  const wanted = [...runs.values()].map((status) => {
    showItem(status);
    return itemOf(status.run);
  });
  for (const [run, item] of items) {
    if (!runs.has(run)) {
      item.remove();
      items.delete(run);
    }
  }
  // Items that are in place stay, and with them the focus of the keyboard.
  wanted.forEach((item, i) => {
    if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
  });
  element('no-runs').hidden = runs.size > 0;
  choose();
}

function choose() {
  const asked = chosenRun();
  const all = [...runs.values()];
  const status = runs.get(asked) ?? all.find(({ state }) => state === 'running') ?? all[0] ?? null;
  if (status && !runs.has(asked)) history.replaceState(null, '', '#run=' + encodeURIComponent(status.run));
  for (const [run, item] of items) {
    item.firstChild.setAttribute('aria-current', String(run === status?.run));
  }
  document.title = status ? percentOf(status) + ' ' + (status.name ?? status.run) + ' · Tilewright' : 'Runs · Tilewright';
  view.show(status);
}

const say = (connection, text) => {
  document.body.dataset.connection = connection;
  if (element('connection').textContent !== text) element('connection').textContent = text;
};

const trouble = (message) => {
  element('trouble').textContent = message;
  element('trouble').hidden = message === '';
};

let events = null;
let retrying;

function connect() {
  events = new EventSource('/api/events');
  events.addEventListener('open', () => say('live', 'live'));
  events.addEventListener('runs', (event) => {
    runs.clear();
    for (const status of JSON.parse(event.data).runs) runs.set(status.run, status);
    trouble('');
    say('live', 'live');
    showAll();
  });
  events.addEventListener('changed', (event) => {
    for (const status of JSON.parse(event.data).runs) {
      runs.set(status.run, status);
      showItem(status);
    }
    choose();
  });
  events.addEventListener('trouble', (event) => trouble('The runs cannot be read: ' + JSON.parse(event.data).message));
  events.addEventListener('error', () => {
    say('lost', 'The server does not answer; trying again …');
    // A refusal ends an EventSource for good.
    if (events.readyState === EventSource.CLOSED) {
      disconnect();
      retrying = setTimeout(async () => {
        const response = await fetch('/api/remaining').catch(() => null);
        if (response?.status === 401) location.assign('/login');
        else connect();
      }, 3000);
    }
  });
}

function disconnect() {
  events?.close();
  events = null;
  clearTimeout(retrying);
}

// A page that nobody looks at asks for nothing.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) {
    disconnect();
    say('asleep', 'not looked at');
  } else if (events === null) {
    connect();
  }
});
addEventListener('hashchange', choose);
addEventListener('pagehide', disconnect);
addEventListener('pageshow', (event) => {
  if (event.persisted && events === null) connect();
});

element('log-out')?.addEventListener('click', async () => {
  await fetch('/api/logout', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  location.assign('/login');
});

if (!document.hidden) connect();
`;
