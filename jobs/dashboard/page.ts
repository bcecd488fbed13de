import type { Answer } from '../page-server.ts';
import { escapeHtml } from '../preview/preview-page.ts';
import { MAP_SCRIPT } from './map-script.ts';
import { MAP_STYLE_SCRIPT } from './map-style-script.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import { PAGE_STYLE } from './page-style.ts';
import { RUN_SCRIPT } from './run-script.ts';

/** What the page is told when it is made. */
export interface PageOptions {
  readonly access: { readonly needsToken: boolean };
  /** Undefined = Bull Board is not served. */
  readonly bullBoard?: unknown;
}

const SCRIPT = 'text/javascript; charset=utf-8';

/**
 * The files of the page, kept as text so that the compiled program needs no files beside it; null for other paths.
 * Everything they load comes from this server.
 */
export function findPageFile(path: string, options: PageOptions): Answer | null {
  switch (path) {
    case '/':
      return { contentType: 'text/html; charset=utf-8', body: dashboardPage(options) };
    case '/dashboard.css':
      return { contentType: 'text/css; charset=utf-8', body: PAGE_STYLE };
    case '/dashboard.mjs':
      return { contentType: SCRIPT, body: PAGE_SCRIPT };
    case '/dashboard-run.mjs':
      return { contentType: SCRIPT, body: RUN_SCRIPT };
    case '/dashboard-map.mjs':
      return { contentType: SCRIPT, body: MAP_SCRIPT };
    case '/dashboard-map-style.mjs':
      return { contentType: SCRIPT, body: MAP_STYLE_SCRIPT };
    default:
      return null;
  }
}

/** The run that is shown. */
const RUN_PART = `      <main id="run" tabindex="-1" aria-labelledby="run-name" hidden>
        <div class="run-head">
          <div>
            <h2 id="run-name"></h2>
            <p class="hint" id="run-place"></p>
          </div>
          <div class="actions" role="group" aria-label="Steer this run">
            <button type="button" data-action="pause">Pause</button>
            <button type="button" data-action="resume">Resume</button>
            <button type="button" data-action="retry">Retry</button>
            <button type="button" data-action="cancel" class="danger">Cancel …</button>
          </div>
        </div>
        <p id="notice" role="status" hidden></p>
        <p id="problem" class="problem" role="alert" hidden></p>
        <div class="bar large" id="run-bar" role="progressbar" aria-label="Metatiles settled" aria-valuemin="0" aria-valuemax="100"><i class="done"></i><i class="failed"></i></div>
        <dl id="figures"></dl>
        <section aria-label="Map of the metatiles" class="map-part">
          <div class="map-tools">
            <label>Metatiles of <select id="zoom"></select></label>
            <label><input type="checkbox" id="show-tiles" checked /> finished tiles</label>
            <output id="map-version"></output>
            <ul class="legend" aria-label="Legend">
              <li><i class="swatch todo"></i>to do</li>
              <li><i class="swatch part"></i>in part</li>
              <li><i class="swatch done"></i>done</li>
              <li><i class="swatch failed"></i>failed</li>
            </ul>
            <output id="zoom-figures"></output>
          </div>
          <div id="map" role="application" aria-label="Map: arrow keys move it, + and - zoom"></div>
        </section>
        <section aria-labelledby="failures-title" id="failures-part" hidden>
          <h3 id="failures-title">Failed tiles</h3>
          <p id="failure-codes"></p>
          <div class="table" tabindex="0" role="region" aria-labelledby="failures-title">
            <table>
              <thead><tr><th scope="col">Tile</th><th scope="col">Code</th><th scope="col">Asset and cause</th></tr></thead>
              <tbody id="failures"></tbody>
            </table>
          </div>
        </section>
      </main>
`;

const CONFIRM_PART = `    <dialog id="confirm" aria-labelledby="confirm-title">
      <form method="dialog">
        <h2 id="confirm-title">Cancel this run?</h2>
        <p>What is under way is stopped on all machines. Tiles that are finished stay, and Retry takes the run up again.</p>
        <p class="actions">
          <button value="no" autofocus>Keep running</button>
          <button value="yes" class="danger">Cancel the run</button>
        </p>
      </form>
    </dialog>
`;

function head(title: string, rest: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${title}</title>
    <link rel="icon" href="data:," />
    ${rest}
    <link rel="stylesheet" href="/dashboard.css" />`;
}

/** The form that asks for the token. */
export function loginPage(problem: string): string {
  return `${head('Log in · Tilewright', '')}
  </head>
  <body class="login">
    <main>
      <h1>Tilewright</h1>
      <form method="post" action="/login">
        <label for="token">Token of this dashboard</label>
        <input id="token" name="token" type="password" autocomplete="current-password" required autofocus />
        <p class="hint">The value of TILEWRIGHT_DASHBOARD_TOKEN.</p>
        <p class="problem" role="alert">${escapeHtml(problem)}</p>
        <button type="submit">Log in</button>
      </form>
    </main>
  </body>
</html>
`;
}

function dashboardPage({ access, bullBoard }: PageOptions): string {
  const queues = bullBoard === undefined ? '' : '<a href="/queues">Queues</a>';
  const logOut = access.needsToken ? '<button type="button" id="log-out">Log out</button>' : '';
  return `${head('Runs · Tilewright', '<link rel="stylesheet" href="/maplibre-gl.css" />')}
    <script type="module" src="/dashboard.mjs"></script>
  </head>
  <body data-connection="connecting">
    <header>
      <h1>Tilewright</h1>
      <p id="connection" role="status">connecting …</p>
      ${queues}
      ${logOut}
    </header>
    <p id="trouble" class="problem" role="alert" hidden></p>
    <div class="layout">
      <nav aria-label="Runs">
        <h2>Runs</h2>
        <ul id="runs"></ul>
        <p id="no-runs" class="hint" hidden>There are no runs yet: <code>tilewright seed REQUEST</code> makes one.</p>
      </nav>
${RUN_PART}    </div>
${CONFIRM_PART}  </body>
</html>
`;
}
