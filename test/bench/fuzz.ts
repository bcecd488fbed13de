import { fuzzCase, fuzzOriginals, type FuzzOutcome } from '../support/tiff-fuzz.ts';

const CASES = 100_000;
const SEED = 2_026;

/** Reads 100,000 damaged COGs and counts how each ends; any that does not end in pixels or a typed error is an error. */
export async function benchFuzz(): Promise<void> {
  const originals = fuzzOriginals();
  const counts = new Map<string, number>();
  const faults: string[] = [];
  let slowest: FuzzOutcome | null = null;
  let peakRss = 0;
  const started = performance.now();
  for (let n = 0; n < CASES; n += 1) {
    const outcome = await fuzzCase(originals, SEED, n);
    const result = outcome.result ?? 'FAULT';
    counts.set(result, (counts.get(result) ?? 0) + 1);
    if (outcome.fault !== null) faults.push(`case ${n} of ${outcome.original}: ${outcome.fault}`);
    if (slowest === null || outcome.ms > slowest.ms) slowest = outcome;
    if (n % 50 === 0) peakRss = Math.max(peakRss, process.memoryUsage().rss);
  }
  const seconds = (performance.now() - started) / 1000;
  const rows = [...counts].toSorted(([, a], [, b]) => b - a).map(([result, count]) => `| ${result} | ${count} |`);
  const lines = [
    '',
    `### Fuzzer: ${CASES} damaged files of ${originals.size} kinds, seed ${SEED}`,
    '',
    '| ends in | files |',
    '| --- | --- |',
    ...rows,
    '',
    `${seconds.toFixed(0)} s; slowest ${slowest?.ms.toFixed(0)} ms (${slowest?.original}); most RSS seen ${(peakRss / 2 ** 20).toFixed(0)} MiB; Node ${process.version}.`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (faults.length > 0) throw new Error(`${faults.length} files end in a fault:\n${faults.slice(0, 20).join('\n')}`);
}
