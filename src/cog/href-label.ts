/** An href for messages: without credentials, query string and fragment, which may be a signature. */
export function labelOf(href: string): string {
  return href.replace(/[?#].*$/su, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/iu, '$1');
}
