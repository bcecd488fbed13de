import type { Composition, ObjectStore } from '../../src/store/object-store.ts';

/** What a call of an object store does; `compose` begins an object that `finish` puts in its place. */
export type ObjectCall = keyof ObjectStore | 'finish';

/**
 * An object store that asks before every call, `finish` of a composition among them, and that passes errors of the question
 * on instead.
 */
export function watchedObjects(objects: ObjectStore, before: (call: ObjectCall) => Promise<void>): ObjectStore {
  const watchComposition = (composition: Composition): Composition => ({
    write: (bytes) => composition.write(bytes),
    copy: (place, length) => composition.copy(place, length),
    async finish(head, tail) {
      await before('finish');
      await composition.finish(head, tail);
    },
    [Symbol.asyncDispose]: () => composition[Symbol.asyncDispose](),
  });
  return {
    label: objects.label,
    put: async (...args) => (await before('put'), await objects.put(...args)),
    putIf: async (...args) => (await before('putIf'), await objects.putIf(...args)),
    get: async (...args) => (await before('get'), await objects.get(...args)),
    getTagged: async (...args) => (await before('getTagged'), await objects.getTagged(...args)),
    read: async (...args) => (await before('read'), await objects.read(...args)),
    delete: async (...args) => (await before('delete'), await objects.delete(...args)),
    deleteAll: async (...args) => (await before('deleteAll'), await objects.deleteAll(...args)),
    list: (...args) => objects.list(...args),
    ...(objects.alias === undefined
      ? {}
      : { alias: async (...args) => (await before('alias'), await objects.alias?.(...args)) }),
    move: async (...args) => (await before('move'), await objects.move(...args)),
    compose: async (...args) => (await before('compose'), watchComposition(await objects.compose(...args))),
    [Symbol.asyncDispose]: () => objects[Symbol.asyncDispose](),
  };
}
