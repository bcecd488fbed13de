/** Text for browsers. */
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
