import { isObject, ownField } from '../../src/stac/item.ts';

/** What a body that was posted to `/events` says. */
export type CatalogEvent =
  | { readonly kind: 'items'; readonly ids: readonly string[] }
  /** SNS asks whether its messages are wanted. */
  | { readonly kind: 'confirmation'; readonly url: URL }
  /** SNS says that it will send no more. */
  | { readonly kind: 'farewell' }
  | { readonly kind: 'refused'; readonly problem: string };

/** Items of one body. */
const MAX_IDS = 10_000;
const MAX_ID_LENGTH = 1_024;

/** An envelope in an envelope: SQS around SNS, EventBridge around either. */
const MAX_DEPTH = 4;

/** Where SNS has its subscriptions confirmed. */
const SNS_HOST = /^sns\.[a-z0-9-]{1,40}\.amazonaws\.com(\.cn)?$/;

/**
 * Reads a body: a STAC item, an ItemCollection, `{ "ids": […] }`, a list of IDs or items, or any of these in the envelope
 * of SNS, SQS or EventBridge. Of an item no more than its ID is believed: what it is like is asked of the catalog.
 */
export function readEvent(text: string): CatalogEvent {
  const body = parse(text);
  if (body === undefined) return refused('it is no JSON');
  const type = isObject(body) ? ownField(body, 'Type') : undefined;
  if (isObject(body) && type === 'SubscriptionConfirmation') return readConfirmation(body);
  if (type === 'UnsubscribeConfirmation') return { kind: 'farewell' };
  const ids = new Set<string>();
  const problem = collect(body, ids, MAX_DEPTH);
  if (problem !== null) return refused(problem);
  return ids.size === 0 ? refused('found no item and no ID in it') : { kind: 'items', ids: [...ids] };
}

function readConfirmation(body: Readonly<Record<string, unknown>>): CatalogEvent {
  const text = ownField(body, 'SubscribeURL');
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : null;
  // Anything else would make this server ask addresses for whoever posts to it.
  const isSns =
    url !== null &&
    url.protocol === 'https:' &&
    url.port === '' &&
    url.username === '' &&
    url.password === '' &&
    SNS_HOST.test(url.hostname);
  return isSns ? { kind: 'confirmation', url } : refused('its SubscribeURL is not one of SNS');
}

/** Adds the IDs of a value to `ids`. @returns what is wrong with it; null = nothing */
function collect(value: unknown, ids: Set<string>, depth: number): string | null {
  if (depth < 0) return 'its envelopes are nested too deeply';
  if (Array.isArray(value)) return collectAll(value, ids, depth);
  if (typeof value === 'string') return addId(value, ids);
  if (!isObject(value)) return 'expected an item, items or IDs';
  for (const list of ['features', 'ids', 'Records']) {
    const inner = ownField(value, list);
    if (inner !== undefined) return Array.isArray(inner) ? collectAll(inner, ids, depth) : `its ${list} is no list`;
  }
  if (ownField(value, 'type') === 'Feature') return addId(ownField(value, 'id'), ids);
  const inner = innerOf(value);
  if (inner !== undefined) return collect(inner, ids, depth - 1);
  const id = ownField(value, 'id') ?? ownField(value, 'item_id');
  return id === undefined ? 'expected an item, items or IDs' : addId(id, ids);
}

function collectAll(values: readonly unknown[], ids: Set<string>, depth: number): string | null {
  for (const value of values) {
    const problem = collect(value, ids, depth - 1);
    if (problem !== null) return problem;
  }
  return null;
}

/** What is in an envelope: of SNS in `Sns.Message` or `Message`, of SQS in `body` or `Body`, of EventBridge in `detail`. */
function innerOf(value: Readonly<Record<string, unknown>>): unknown {
  const type = ownField(value, 'Type');
  // Its message is text for people.
  if (type === 'SubscriptionConfirmation' || type === 'UnsubscribeConfirmation') return undefined;
  const sns = ownField(value, 'Sns') ?? ownField(value, 'sns');
  if (isObject(sns)) return innerOf(sns);
  for (const name of ['Message', 'body', 'Body', 'detail']) {
    const inner = ownField(value, name);
    if (typeof inner === 'string') return parse(inner) ?? inner;
    if (isObject(inner) || Array.isArray(inner)) return inner;
  }
  return undefined;
}

function addId(id: unknown, ids: Set<string>): string | null {
  if (typeof id !== 'string' || id === '' || id.length > MAX_ID_LENGTH) {
    return `an ID is not a text of 1 to ${MAX_ID_LENGTH} characters`;
  }
  ids.add(id);
  return ids.size > MAX_IDS ? `more than ${MAX_IDS} items` : null;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function refused(problem: string): CatalogEvent {
  return { kind: 'refused', problem };
}
