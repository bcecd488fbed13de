import { describe, expect, test } from 'vitest';
import { readEvent } from '../../../../jobs/watch/read-event.ts';

const item = { type: 'Feature', id: 'scene-1', collection: 'scenes', properties: {}, assets: {} };
const sns = { Type: 'Notification', TopicArn: 'arn:aws:sns:eu-central-1:1:topic', Message: JSON.stringify(item) };

describe('what is taken for items', () => {
  test.each<readonly [string, unknown, readonly string[]]>([
    ['an item', item, ['scene-1']],
    [
      'an item collection',
      { type: 'FeatureCollection', features: [item, { ...item, id: 'b' }, item] },
      ['scene-1', 'b'],
    ],
    ['IDs', { ids: ['a', 'b'] }, ['a', 'b']],
    ['a list of IDs', ['a', 'b'], ['a', 'b']],
    ['an object with an ID', { collection: 'scenes', id: 'a', event: 'deleted' }, ['a']],
    ['SNS', sns, ['scene-1']],
    ['SNS with a bare ID', { ...sns, Message: 'scene-9' }, ['scene-9']],
    ['SQS', { Records: [{ body: JSON.stringify(item) }, { body: '{"ids":["x"]}' }] }, ['scene-1', 'x']],
    ['SQS around SNS', { Records: [{ body: JSON.stringify(sns) }] }, ['scene-1']],
    ['a Lambda event of SNS', { Records: [{ Sns: sns }] }, ['scene-1']],
    ['EventBridge', { 'detail-type': 'item', detail: { features: [item] } }, ['scene-1']],
  ])('%s', (_name, body, ids) => {
    expect(readEvent(JSON.stringify(body))).toEqual({ kind: 'items', ids });
  });
});

test.each<readonly [string, string, string]>([
  ['no JSON', 'scene-1', 'no JSON'],
  ['nothing in it', '{}', 'expected an item'],
  ['a number', '7', 'expected an item'],
  ['an empty collection', '{"features":[]}', 'no item'],
  ['features that are no list', '{"features":{}}', 'no list'],
  ['an ID that is no text', '{"ids":[7]}', 'expected an item'],
  ['an item without an ID', '{"type":"Feature"}', 'ID'],
  ['a long ID', JSON.stringify(['x'.repeat(2_000)]), '1024'],
  ['too many', JSON.stringify(Array.from({ length: 10_001 }, (_, i) => `${i}`)), '10000'],
  [
    'envelopes without an end',
    JSON.stringify({ detail: { detail: { detail: { detail: { detail: { detail: item } } } } } }),
    'deeply',
  ],
])('refused: %s', (_name, body, problem) => {
  expect(readEvent(body)).toEqual({ kind: 'refused', problem: expect.stringContaining(problem) });
});

test('what SNS says for people is no item', () => {
  const farewell = { Type: 'UnsubscribeConfirmation', Message: 'You have chosen to deactivate …', SubscribeURL: 'x' };
  expect(readEvent(JSON.stringify(farewell))).toEqual({ kind: 'farewell' });
  for (const Type of ['UnsubscribeConfirmation', 'SubscriptionConfirmation']) {
    const inside = { Records: [{ body: JSON.stringify({ ...farewell, Type }) }] };
    expect(readEvent(JSON.stringify(inside))).toMatchObject({ kind: 'refused' });
  }
});

describe('a confirmation of SNS', () => {
  const confirmation = (url: unknown): string =>
    JSON.stringify({ Type: 'SubscriptionConfirmation', SubscribeURL: url, Message: 'You have …' });

  test.each([
    'https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=1',
    'https://sns.cn-north-1.amazonaws.com.cn/?a=1',
  ])('%s is asked for', (url) => {
    expect(readEvent(confirmation(url))).toEqual({ kind: 'confirmation', url: new URL(url) });
  });

  test.each([
    'http://sns.eu-central-1.amazonaws.com/',
    'https://sns.eu-central-1.amazonaws.com.example.com/',
    'https://example.com/sns.eu-central-1.amazonaws.com',
    'https://sns.eu-central-1.amazonaws.com:8443/',
    'https://me@sns.eu-central-1.amazonaws.com/',
    'https://evil.sns.eu-central-1.amazonaws.com/',
    'https://169.254.169.254/latest/meta-data',
    'not a URL',
    7,
    undefined,
  ])('%s is not', (url) => {
    expect(readEvent(confirmation(url))).toMatchObject({ kind: 'refused' });
  });
});
