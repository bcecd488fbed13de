import { expect, test } from 'vitest';
import { CleanupStack } from '../../../jobs/cleanup-stack.ts';

test('disposes last first, each once', async () => {
  const order: string[] = [];
  const stack = new CleanupStack();
  const resource = { [Symbol.asyncDispose]: () => Promise.resolve(void order.push('resource')) };
  expect(stack.use(resource)).toBe(resource);
  stack.defer(() => order.push('action'));
  await stack[Symbol.asyncDispose]();
  await stack[Symbol.asyncDispose]();
  expect(order).toStrictEqual(['action', 'resource']);
});

test('goes on after a failure and throws the first', async () => {
  const order: string[] = [];
  const stack = new CleanupStack();
  stack.defer(() => order.push('last'));
  stack.defer(() => Promise.reject(new Error('second')));
  stack.defer(() => {
    throw new Error('first');
  });
  await expect(stack[Symbol.asyncDispose]()).rejects.toThrow('first');
  expect(order).toStrictEqual(['last']);
});
