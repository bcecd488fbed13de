import { defineConfig } from 'vitest/config';
import { LongFirstSequencer } from './test/support/long-first.ts';
import { ClosingLineReporter } from './test/support/reporter.ts';

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLineReporter()],
    pool: 'forks',
    // Two cores are what CI has; a test run must not depend on how many this machine has.
    maxWorkers: 2,
    sequence: { sequencer: LongFirstSequencer },
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      { extends: true, test: { name: 'property', include: ['test/property/**/*.test.ts'], testTimeout: 180_000 } },
      { extends: true, test: { name: 'contract', include: ['test/contract/**/*.test.ts'], testTimeout: 60_000 } },
      {
        extends: true,
        test: { name: 'conformance', include: ['test/conformance/**/*.test.ts'], testTimeout: 120_000 },
      },
      { extends: true, test: { name: 'golden', include: ['test/golden/**/*.test.ts'], testTimeout: 60_000 } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          // Real servers and child processes: only after everything else.
          sequence: { groupOrder: 1 },
          // One more than there are cores: half of the time a file waits for processes to start, locks to end and the like.
          maxWorkers: 3,
          globalSetup: ['test/support/integration-global-setup.ts'],
          setupFiles: ['test/support/integration-setup.ts'],
          // Far beyond what is needed: on a machine that is busy otherwise, all takes many times as long.
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
