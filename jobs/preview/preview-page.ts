/**
 * The page of `tilewright preview`, kept as text like its style sheet and its script so that the compiled program needs no
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
      <p id="versions" hidden><label>version <select id="version"></select></label></p>
      <p><label><input type="checkbox" id="grid" /> tile grid</label></p>
      <p id="problem" role="alert" hidden></p>
    </aside>
  </body>
</html>
`;
}

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
