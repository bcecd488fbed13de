import { expect, test } from 'vitest';
import { createKeptEvents } from '../../../workers/kept-events.ts';

test('the first two events before there is a listener are kept for it, later ones are told at once', () => {
  const { tell, listen } = createKeptEvents<string>();
  for (const event of ['first', 'second', 'third']) tell(event);
  const heard: string[] = [];
  listen((event) => void heard.push(event));
  expect(heard).toStrictEqual(['first', 'second']);
  tell('fourth');
  tell('fifth');
  expect(heard).toStrictEqual(['first', 'second', 'fourth', 'fifth']);
});

test('nothing is heard twice', () => {
  const { tell, listen } = createKeptEvents<number>();
  tell(1);
  const heard: number[] = [];
  listen((event) => void heard.push(event));
  listen((event) => void heard.push(event));
  expect(heard).toStrictEqual([1]);
});
