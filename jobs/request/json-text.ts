import { TilerError } from '../../src/errors.ts';

/**
 * Parses JSON that a person wrote.
 *
 * @param label - what is read, for the message
 * @throws TilerError `REQUEST_INVALID` with the line and column of the first character that does not belong there
 */
export function parseJsonText(text: string, label: string): unknown {
  // Editors on Windows put a byte order mark before the text; JSON.parse refuses it (RFC 8259 lets a parser ignore it).
  const json = text.replace(/^\uFEFF/, '');
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    const offset = faultOffset(json);
    const before = json.slice(0, offset).split('\n');
    const found =
      offset >= json.length ? 'the end of the text' : JSON.stringify(json.slice(offset, offset + 20).split('\n')[0]);
    throw new TilerError(
      'REQUEST_INVALID',
      `Reading ${label}: not JSON at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}: found ${found}`,
      { cause: error },
    );
  }
}

const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\\t\r\n]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.])/y;

/** What may stand at a place: a value, a key, what follows a value, or the end of a container that holds nothing yet. */
type Expected = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | ', or end';

/**
 * Where a text stops being JSON. Node 20 does not always say it, and no version says line and column alike, so the text
 * is gone through once more, by the grammar of RFC 8259.
 */
function faultOffset(text: string): number {
  const containers: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let offset = 0;
  while (true) {
    offset += lengthAt(SPACE, text, offset);
    const next = text[offset] ?? '';
    const container = containers.at(-1);
    let length = 1;
    if (expected === ', or end' && container !== undefined && next === ',') {
      expected = container === '{' ? 'key' : 'value';
    } else if (isEnd(next, container, expected)) {
      containers.pop();
      expected = ', or end';
    } else if (expected === ':' && next === ':') {
      expected = 'value';
    } else if (expected.startsWith('key')) {
      length = lengthAt(STRING, text, offset);
      expected = ':';
    } else if (expected.startsWith('value') && (next === '{' || next === '[')) {
      containers.push(next);
      expected = next === '{' ? 'key or }' : 'value or ]';
    } else {
      length = expected.startsWith('value') ? lengthAt(STRING, text, offset) + lengthAt(SCALAR, text, offset) : 0;
      expected = ', or end';
    }
    if (length === 0) {
      return offset;
    }
    offset += length;
  }
}

function isEnd(next: string, container: '{' | '[' | undefined, expected: Expected): boolean {
  return container === '{'
    ? next === '}' && (expected === 'key or }' || expected === ', or end')
    : container === '[' && next === ']' && (expected === 'value or ]' || expected === ', or end');
}

function lengthAt(pattern: RegExp, text: string, offset: number): number {
  pattern.lastIndex = offset;
  return pattern.exec(text)?.[0].length ?? 0;
}
