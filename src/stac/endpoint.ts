import { TilerError } from '../errors.ts';
import { isObject, ownField } from './item.ts';
import { checkedUrl, headersFor } from './next-link.ts';
import type { SearchOrigin } from './next-link.ts';
import { addressLabel } from './stac-errors.ts';
import type { StacTransport } from './transport.ts';

/** Where searches go. With `isGetOnly` the API says that it takes no POST. */
export interface SearchEndpoint {
  readonly url: URL;
  readonly isGetOnly: boolean;
}

/**
 * Finds the search endpoint of the address that a user gave. One that ends in `/search` is taken as it is; anything else
 * is asked for: a landing page names the endpoint in its `search` links (POST preferred, GET else), and an answer that is
 * an item collection comes from the endpoint itself.
 *
 * @throws TilerError `STAC_RESPONSE_INVALID` for a document that is neither, and those of the transport
 */
export async function findSearchEndpoint(
  origin: SearchOrigin,
  transport: StacTransport,
  options: { readonly signal: AbortSignal },
): Promise<SearchEndpoint> {
  if (/\/search\/?$/.test(origin.url.pathname)) return { url: origin.url, isGetOnly: false };
  const where = `the landing page of the STAC API at ${addressLabel(origin.url)}`;
  const page = await transport({ url: origin.url, headers: headersFor(origin.url, origin) }, where, options);
  if (!isObject(page)) throw noSearchLink(where);
  if (ownField(page, 'type') === 'FeatureCollection') return { url: origin.url, isGetOnly: false };
  const links = searchLinks(page, origin.url);
  const link = links.find(({ method }) => method === 'POST') ?? links[0];
  if (link === undefined) throw noSearchLink(where);
  // A link that names no method may be of an API older than the field: POST is tried, and 405 says otherwise.
  return { url: checkedUrl(link.url, origin, where), isGetOnly: link.method === 'GET' };
}

function searchLinks(
  page: Readonly<Record<string, unknown>>,
  base: URL,
): readonly { readonly url: URL; readonly method: string | null }[] {
  const links = ownField(page, 'links');
  return (Array.isArray(links) ? links : []).flatMap((link: unknown) => {
    if (!isObject(link) || ownField(link, 'rel') !== 'search') return [];
    const href = ownField(link, 'href');
    const method = ownField(link, 'method');
    return typeof href === 'string' && URL.canParse(href, base.href)
      ? [{ url: new URL(href, base), method: typeof method === 'string' ? method.toUpperCase() : null }]
      : [];
  });
}

function noSearchLink(where: string): TilerError {
  return new TilerError(
    'STAC_RESPONSE_INVALID',
    `Reading ${where}: found no link with rel "search". Is this an API (a static catalog cannot be searched)? Give the search endpoint as mosaic.url.`,
  );
}
