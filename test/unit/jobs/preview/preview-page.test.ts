import { describe, expect, test } from 'vitest';
import { escapeHtml, previewPage } from '../../../../jobs/preview/preview-page.ts';

describe('preview page', () => {
  test('a title is text, never markup', () => {
    expect(escapeHtml(`<img src=x onerror="a('b')"> & co`)).toBe(
      '&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt; &amp; co',
    );
    const page = previewPage('</title><script>alert(1)</script>');
    expect(page.match(/<script/g)).toHaveLength(1);
    expect(page).toContain('&lt;/title&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
  });
});
