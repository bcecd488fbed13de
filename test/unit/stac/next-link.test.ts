import { describe, expect, test } from 'vitest';
import { checkedUrl, nextRequest } from '../../../src/stac/next-link.ts';
import type { PagedRequest, SearchOrigin } from '../../../src/stac/next-link.ts';

const ORIGIN: SearchOrigin = {
  url: new URL('https://stac.test/v1/'),
  allowedHosts: ['pages.test:8443'],
  headers: { authorization: 'secret' },
};

const CONDITIONS = { collections: ['a'], filter: { op: '<' }, limit: 10 };

const POST: PagedRequest = { url: new URL('https://stac.test/v1/search'), body: CONDITIONS, conditions: CONDITIONS };

function next(link: object, current = POST): PagedRequest | null {
  return nextRequest(current, [{ rel: 'root' }, { rel: 'next', ...link }], ORIGIN, 'page 1');
}

describe('nextRequest', () => {
  test('is null without a next link', () => {
    expect(nextRequest(POST, [], ORIGIN, 'page 1')).toBeNull();
    expect(nextRequest(POST, [null, 'x', { rel: 'prev', href: '/' }], ORIGIN, 'page 1')).toBeNull();
  });

  test('keeps the conditions, takes all else from the link, leaves nulls out', () => {
    const body = { collections: ['b'], filter: null, limit: 5, token: 't', intersects: null };
    expect(next({ method: 'POST', href: '/v1/search', body })?.body).toEqual({ ...CONDITIONS, limit: 5, token: 't' });
  });

  test('merges with the current body where the link says so, else with the first', () => {
    const current = { ...POST, body: { ...CONDITIONS, session: 's' } };
    const link = { method: 'POST', href: '/v1/search', body: { token: 't' } };
    expect(next({ ...link, merge: true }, current)?.body).toEqual({ ...CONDITIONS, session: 's', token: 't' });
    expect(next({ ...link, merge: false }, current)?.body).toEqual({ ...CONDITIONS, token: 't' });
  });

  test('takes a link with a body and no method for POST, one without either for GET', () => {
    expect(next({ href: '/v1/search', body: { token: 't' } })?.body).toMatchObject({ token: 't' });
    const get = next({ href: '/v1/search?token=t&collections=b&limit=5' });
    expect(get?.body).toBeUndefined();
    expect(Object.fromEntries(get?.url.searchParams ?? [])).toEqual({
      token: 't',
      collections: 'a',
      filter: '{"op":"<"}',
      limit: '5',
    });
  });

  test('honours the href and the headers of the link', () => {
    const headers = { 'X-Cursor': 'abc', Host: 'evil.test', 'Content-Length': '7', bad: 'a\r\nb', n: 1 };
    const request = next({ method: 'POST', href: '/v1/search/page2', headers });
    expect(request?.url.href).toBe('https://stac.test/v1/search/page2');
    expect(request?.headers).toEqual({ 'x-cursor': 'abc', authorization: 'secret' });
  });

  test('leads to no other host, unless that is allowed; credentials go to none', () => {
    for (const href of [
      'https://evil.test/v1/search',
      'https://stac.test:444/',
      'ftp://pages.test:8443/',
      'file:///etc/passwd',
    ]) {
      expect(() => next({ method: 'POST', href })).toThrow(expect.objectContaining({ code: 'STAC_RESPONSE_INVALID' }));
    }
    const allowed = next({ method: 'POST', href: 'https://pages.test:8443/search?key=1' });
    expect(allowed?.headers).toEqual({});
    expect(() => next({ href: 'https://user:pass@evil.test/search?key=1' })).toThrow(
      /links to https:\/\/evil\.test\/search, which/,
    );
  });

  test('takes plain http of its own host as https', () => {
    expect(checkedUrl(new URL('http://stac.test/v1/search?a=1'), ORIGIN, 'page 1').href).toBe(
      'https://stac.test/v1/search?a=1',
    );
  });

  test.each([{}, { href: 7 }, { href: 'http://[' }])('refuses a link without an address: %j', (link) => {
    expect(() => next(link)).toThrow(/no usable href/);
  });
});
