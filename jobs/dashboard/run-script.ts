/** The run that is shown: figures, buttons, failures. Text for browsers. */
export const RUN_SCRIPT = `
import { createRunMap } from '/dashboard-map.mjs';

const element = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat('en');
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

export const figure = (value) => (value < 100 ? tenths : whole).format(value);

/** Rounded down, so that 100 % means all of it. */
export function percentOf({ metatiles, settledMetatiles }) {
  return (Math.floor((settledMetatiles / Math.max(1, metatiles)) * 1000) / 10).toFixed(1) + ' %';
}

const SIGNS = { running: '▶', paused: '❚❚', complete: '✓', failed: '✕', cancelled: '■', interrupted: '!' };
export const stateText = ({ state }) => (SIGNS[state] ?? '') + ' ' + state;

export function barOf(bar, { metatiles, settledMetatiles, failedMetatiles }) {
  const share = (count) => (count / Math.max(1, metatiles)) * 100;
  const failed = failedMetatiles === 0 ? 0 : Math.max(1, share(failedMetatiles));
  bar.querySelector('.done').style.width = Math.min(100 - failed, share(settledMetatiles - failedMetatiles)) + '%';
  bar.querySelector('.failed').style.width = failed + '%';
}

function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return Math.ceil(seconds) + ' s';
  if (minutes < 60) return minutes + ' min ' + Math.floor(seconds % 60) + ' s';
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? hours + ' h ' + (minutes % 60) + ' min' : Math.floor(hours / 24) + ' d ' + (hours % 24) + ' h';
}

const time = (text) => (text === null ? null : new Date(text).toLocaleString());

const ALLOWED = {
  pause: ['running'],
  resume: ['paused', 'interrupted'],
  retry: ['failed', 'cancelled', 'interrupted'],
  cancel: ['running', 'paused'],
};

function figuresOf(status) {
  return [
    ['State', stateText(status), status.state === 'failed' || status.state === 'interrupted'],
    ['Settled', percentOf(status)],
    ['Rendered', whole.format(status.rendered)],
    ['Empty', whole.format(status.empty)],
    ['Failed', whole.format(status.failed), status.failed > 0],
    ['Tiles', whole.format(status.tiles)],
    ...(status.unchangedMetatiles > 0 ? [['Metatiles unchanged', whole.format(status.unchangedMetatiles)]] : []),
    ['Rate', status.tilesPerSecond === null ? '–' : figure(status.tilesPerSecond) + ' tiles/s'],
    ['Time left', status.etaSeconds === null ? '–' : duration(status.etaSeconds)],
    ...(status.lane ? [['Lane', status.lane]] : []),
    ...(status.maxFailures === null ? [] : [['Failures allowed', status.maxFailures]]),
    ...(status.startedAt === null ? [] : [['Started', time(status.startedAt)]]),
    ...(status.endedAt === null ? [] : [['Ended', time(status.endedAt)]]),
  ];
}

/** Writes rows of a list of terms, and leaves alone what is the same. */
function showFigures(list, rows) {
  while (list.children.length > rows.length) list.lastChild.remove();
  rows.forEach(([term, text, isBad = false], i) => {
    if (!list.children[i]) {
      const row = document.createElement('div');
      row.append(document.createElement('dt'), document.createElement('dd'));
      list.append(row);
    }
    const [dt, dd] = list.children[i].children;
    if (dt.textContent !== term) dt.textContent = term;
    if (dd.textContent !== text) dd.textContent = text;
    dd.className = isBad ? 'bad' : '';
  });
}

const say = (id, text) => {
  element(id).textContent = text;
  element(id).hidden = text === '';
};

export function createRunView() {
  let shown = null;
  let failuresKey = '';
  let isBusy = false;
  const map = createRunMap((message) => say('problem', message));

  const showButtons = () => {
    for (const button of document.querySelectorAll('[data-action]')) {
      const states = ALLOWED[button.dataset.action];
      button.disabled = isBusy || !states.includes(shown.state);
      button.title = states.includes(shown.state) ? '' : 'only for runs that are ' + states.join(' or ');
    }
  };

  async function steer(action) {
    const { run } = shown;
    isBusy = true;
    showButtons();
    say('problem', '');
    say('notice', '');
    try {
      const response = await fetch('/api/runs/' + encodeURIComponent(run) + '/' + action, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
      });
      const answer = await response.json().catch(() => ({ message: response.statusText }));
      if (shown?.run !== run) return;
      if (!response.ok) say('problem', (answer.code ? answer.code + ': ' : '') + answer.message);
      else if (answer.takenUp === 'here') say('notice', 'Nobody renders this run now. To go on, run: ' + answer.command);
    } catch (error) {
      say('problem', 'The server does not answer: ' + error.message);
    } finally {
      isBusy = false;
      showButtons();
    }
  }

  for (const button of document.querySelectorAll('[data-action]')) {
    button.addEventListener('click', async () => {
      const { action } = button.dataset;
      if (action === 'cancel' && !(await isSure())) return;
      await steer(action);
    });
  }

  async function showFailures(status) {
    const key = [status.run, status.failed, status.updatedAt && status.state].join(' ');
    if (key === failuresKey) return;
    failuresKey = key;
    element('failures-part').hidden = status.failed === 0;
    const codes = Object.entries(status.failuresByCode).map(([code, count]) => code + ' ' + whole.format(count));
    element('failure-codes').textContent = codes.join(' · ');
    if (status.failed === 0) {
      element('failures').replaceChildren();
      return;
    }
    const response = await fetch('/api/runs/' + encodeURIComponent(status.run) + '/failures').catch(() => null);
    if (!response?.ok) {
      failuresKey = '';
      return;
    }
    const { failures } = await response.json();
    if (shown?.run !== status.run) return;
    // Causes before what came of them.
    const isFollowing = ({ code }) => (code === 'TILE_CHILD_FAILED' ? 1 : 0);
    failures.sort((a, b) => isFollowing(a) - isFollowing(b));
    element('failures').replaceChildren(...failures.map(rowOf));
    const further = status.failed - failures.length;
    if (further > 0) element('failure-codes').textContent += ' · the first ' + whole.format(failures.length) + ' are listed';
  }

  function rowOf({ tile, code, message, asset }) {
    const row = document.createElement('tr');
    const cells = [0, 1, 2].map(() => document.createElement('td'));
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = tile;
    button.title = 'show on the map';
    button.addEventListener('click', () => map.flyTo(tile));
    cells[0].append(button);
    cells[1].textContent = code;
    if (asset) {
      const name = document.createElement('code');
      name.textContent = asset;
      cells[2].append(name);
    }
    cells[2].append(message);
    row.append(...cells);
    return row;
  }

  return {
    show(status) {
      if (status?.run !== shown?.run) {
        say('problem', '');
        say('notice', '');
        failuresKey = '';
        element('failures').replaceChildren();
      }
      shown = status;
      element('run').hidden = status === null;
      if (status === null) {
        map.show(null);
        return;
      }
      element('run').dataset.run = status.run;
      element('run').dataset.state = status.state;
      element('run-name').textContent = status.name ?? status.run;
      element('run-place').textContent = status.run + ' → ' + status.output + (status.reason === null ? '' : ' · ' + status.reason);
      barOf(element('run-bar'), status);
      element('run-bar').setAttribute('aria-valuenow', String(parseInt(percentOf(status), 10)));
      element('run-bar').setAttribute('aria-valuetext', percentOf(status));
      showFigures(element('figures'), figuresOf(status));
      showButtons();
      void showFailures(status);
      map.show(status);
    },
  };
}

function isSure() {
  const dialog = element('confirm');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}
`;
