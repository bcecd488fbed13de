import { BaseSequencer } from 'vitest/node';
import type { TestSpecification } from 'vitest/node';

/** Files that take longest, first = longest: begun last, one of them would run alone in the end. */
const LONG = (
  'watch chaos engines-update demo s3-resume shutdown metrics redis-topologies verify resilience engines local-runs ' +
  'steering process-watch throttled dashboard engines-s3 update-kills put-if leaks archive archive-s3'
).split(' ');

/** Begins with the files that take longest; the others follow as they would without it. */
export class LongFirstSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.sort((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId }: TestSpecification): number {
  const name = /\/test\/integration\/([^/]+)\.test\.ts$/.exec(moduleId)?.[1] ?? '';
  const rank = LONG.indexOf(name);
  return rank < 0 ? LONG.length : rank;
}
