/** Disposes of what was put on it, last first. The language's own `AsyncDisposableStack` is not in Node 20. */
export class CleanupStack implements AsyncDisposable {
  private readonly actions: (() => unknown)[] = [];

  /** Puts something with a lifetime on the stack and gives it back. */
  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]());
    return resource;
  }

  defer(action: () => unknown): void {
    this.actions.push(action);
  }

  /** Runs every action, also after one that fails; then throws the first failure. May be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    const errors: unknown[] = [];
    for (let action = this.actions.pop(); action !== undefined; action = this.actions.pop()) {
      try {
        await action();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
