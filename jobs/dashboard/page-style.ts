/** Colours: done is blue and failed vermilion with hatching, which people who see colours differently tell apart too. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #f4f5f7; --card: #ffffff; --line: #d3d8df; --text: #1b2430; --muted: #566070; --accent: #0b5cad;
  --done: #2a78c8; --failed: #c63a0e; --track: #dfe3e8; --warn: #8a5a00; --focus: #0b5cad;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1b2129; --line: #343d49; --text: #e6eaf0; --muted: #a3adba; --accent: #7db8f5;
    --done: #4f9ae6; --failed: #ff8a5c; --track: #2b333e; --warn: #e8b84a; --focus: #9ccbff;
  }
}
* { box-sizing: border-box; }
html { height: 100%; }
body {
  margin: 0; min-height: 100%; display: flex; flex-direction: column;
  font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--page);
}
[hidden] { display: none !important; }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
h1, h2, h3, p, ul, dl { margin: 0; }
h1 { font-size: 18px; } h2 { font-size: 17px; overflow-wrap: anywhere; } h3 { font-size: 15px; }
ul { list-style: none; padding: 0; }
a { color: var(--accent); }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.hint { color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
.problem:not(:empty) {
  padding: 8px 12px; border-left: 4px solid var(--failed); background: var(--card); overflow-wrap: anywhere;
}
#notice { padding: 8px 12px; border-left: 4px solid var(--done); background: var(--page); overflow-wrap: anywhere; }

header {
  display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: center; padding: 10px 16px;
  background: var(--card); border-bottom: 1px solid var(--line);
}
header h1 { flex: none; }
#connection { flex: 1; color: var(--muted); font-size: 13px; }
#connection::before { content: "● "; color: var(--muted); }
[data-connection=live] #connection::before { color: var(--done); }
[data-connection=lost] #connection { color: var(--failed); font-weight: 600; }
[data-connection=lost] #connection::before { content: "▲ "; color: var(--failed); }

button, select, input[type=password] {
  font: inherit; color: var(--text); background: var(--card); border: 1px solid var(--muted); border-radius: 6px;
  padding: 5px 12px; min-height: 36px;
}
button { cursor: pointer; }
button:hover:not(:disabled) { border-color: var(--text); background: var(--page); }
button:disabled { opacity: 0.5; border-color: var(--line); cursor: not-allowed; }
button.danger:not(:disabled) { color: var(--failed); border-color: var(--failed); }
.actions { display: flex; flex-wrap: wrap; gap: 8px; }

.layout { flex: 1; display: grid; grid-template-columns: minmax(240px, 320px) 1fr; min-height: 0; }
nav { padding: 12px; border-right: 1px solid var(--line); }
nav h2 { margin-bottom: 8px; }
#runs { display: grid; gap: 8px; }
#runs button {
  width: 100%; text-align: left; display: grid; gap: 5px; padding: 10px 12px; border-color: var(--line);
}
#runs button[aria-current=true] { border-color: var(--accent); box-shadow: inset 4px 0 0 var(--accent); }
.run-line { display: flex; justify-content: space-between; gap: 8px; align-items: baseline; }
.run-line b { overflow-wrap: anywhere; }
.state { flex: none; font-size: 12px; font-weight: 600; white-space: nowrap; color: var(--muted); }
.state.running { color: var(--accent); }
.state.failed, .state.interrupted { color: var(--failed); }
.state.paused { color: var(--warn); }

.bar { display: flex; width: 100%; height: 8px; border-radius: 4px; overflow: hidden; background: var(--track); }
.bar.large { height: 14px; border-radius: 7px; }
.bar i { display: block; width: 0; }
.bar .done { background: var(--done); }
.bar .failed, .swatch.failed {
  background: repeating-linear-gradient(45deg, var(--failed) 0 3px, var(--card) 3px 5px);
}

#run { padding: 14px 16px; display: flex; flex-direction: column; gap: 12px; min-width: 0; background: var(--card); }
#run:focus { outline: none; }
#run > * { flex: none; }
.run-head { display: flex; flex-wrap: wrap; gap: 8px 16px; justify-content: space-between; align-items: flex-start; }
#figures { display: flex; flex-wrap: wrap; gap: 8px 24px; }
#figures div { min-width: 72px; }
dt { color: var(--muted); font-size: 12px; }
dd { margin: 0; font-size: 16px; font-variant-numeric: tabular-nums; }
dd.bad { color: var(--failed); font-weight: 600; }

#run > .map-part { flex: 1 0 auto; display: flex; flex-direction: column; gap: 8px; }
.map-tools { display: flex; flex-wrap: wrap; gap: 6px 16px; align-items: center; font-size: 13px; }
.map-tools label { display: flex; gap: 6px; align-items: center; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; }
.legend li { display: flex; gap: 5px; align-items: center; }
.swatch { width: 14px; height: 14px; border: 1px solid var(--muted); border-radius: 2px; }
.swatch.done { background: var(--done); }
.swatch.part { background: color-mix(in srgb, var(--done) 40%, transparent); }
.swatch.failed { border: 2px solid var(--failed); }
#zoom-figures, #map-version { color: var(--muted); font-variant-numeric: tabular-nums; }
#map { flex: 1 0 320px; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.maplibregl-canvas:focus-visible { outline-offset: -4px; }

#failures-part { display: grid; gap: 6px; }
.table { max-height: 260px; overflow: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th, td { text-align: left; padding: 5px 10px; border-bottom: 1px solid var(--line); vertical-align: top; }
th { position: sticky; top: 0; background: var(--page); }
td { overflow-wrap: anywhere; }
td:first-child { white-space: nowrap; }
@media (min-width: 600px) { td:nth-child(2) { white-space: nowrap; } }
td button { font: 12px ui-monospace, monospace; min-height: 28px; padding: 2px 8px; color: var(--accent); }
td code { color: var(--muted); display: block; }

dialog { color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 10px; max-width: 26rem; }
dialog::backdrop { background: rgb(0 0 0 / 50%); }
dialog form { display: grid; gap: 12px; }
dialog .actions { justify-content: flex-end; }

.login main { margin: 12vh auto 0; padding: 24px; width: min(24rem, calc(100vw - 32px)); background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; display: grid; gap: 12px; }
.login form { display: grid; gap: 8px; }
.login .problem:empty { display: none; }

@media (prefers-color-scheme: dark) {
  .maplibregl-ctrl-group { background: var(--card) !important; }
  .maplibregl-ctrl-group button span { filter: invert(1); }
  .maplibregl-ctrl-scale { background: var(--card) !important; color: var(--text) !important; border-color: var(--muted) !important; }
}
@media (min-width: 801px) {
  body:not(.login) { height: 100vh; }
  nav, #run { overflow-y: auto; }
}
@media (max-width: 800px) {
  .layout { display: block; }
  nav { border-right: 0; border-bottom: 1px solid var(--line); }
  #runs { max-height: 34vh; overflow-y: auto; }
  #map { flex: none; height: 60vh; }
}
@media (max-width: 480px) {
  header, #run, nav { padding: 10px; }
}
@media (prefers-reduced-motion: no-preference) { .bar i { transition: width 0.3s; } }
`;
