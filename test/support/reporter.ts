import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';

/** What a test run came to. `failed` also counts test files that could not be loaded and errors outside any test. */
export interface TestRunTotals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The closing line of a test run: the form that any CI can read. */
export function closingLine({ passed, failed, skipped }: TestRunTotals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** True if a run proved something and nothing against it: at least one test ran, and none failed. */
export function isSuccess({ passed, failed }: TestRunTotals): boolean {
  return passed > 0 && failed === 0;
}

/** Counts the tests of a finished run. A test that never got a result, as in an aborted run, has failed. */
export function countTests(modules: readonly TestModule[], unhandledErrors: number): TestRunTotals {
  const totals = { passed: 0, failed: unhandledErrors, skipped: 0 };
  for (const module of modules) {
    let failedInModule = 0;
    for (const test of module.children.allTests()) {
      const { state } = test.result();
      totals[state === 'pending' ? 'failed' : state] += 1;
      if (state === 'failed' || state === 'pending') failedInModule += 1;
    }
    // A file that does not load, or whose hooks fail, may hold no failed test; it is a failure all the same.
    if (module.state() === 'failed' && failedInModule === 0) totals.failed += 1;
  }
  return totals;
}

/**
 * Ends a test run with one line alone: `N passed, N failed, N skipped`. It is written as the process exits, so that no
 * other reporter comes after it, and a run without a single passed test exits with 1.
 */
export class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[], reason: TestRunEndReason): void {
    const counted = countTests(modules, errors.length);
    const totals = reason === 'passed' || counted.failed > 0 ? counted : { ...counted, failed: 1 };
    process.once('exit', () => {
      if (!isSuccess(totals)) process.exitCode = process.exitCode || 1;
      process.stdout.write(`${closingLine(totals)}\n`);
    });
  }
}
