/** What was measured many times, in milliseconds. */
export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function distributionOf(millis: readonly number[]): Distribution {
  const ordered = millis.toSorted((a, b) => a - b);
  const at = (share: number): number => ordered[Math.max(0, Math.ceil(ordered.length * share) - 1)] ?? NaN;
  return { count: ordered.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

export interface Throughput extends Distribution {
  readonly perSecond: number;
}

export function throughputOf(millis: readonly number[], seconds: number): Throughput {
  return { ...distributionOf(millis), perSecond: millis.length / seconds };
}

/** How long one action takes. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}

/** Runs the action `count` times, `workers` of them at the same time. */
export async function repeat(
  { workers, count }: { readonly workers: number; readonly count: number },
  action: (index: number) => Promise<unknown>,
): Promise<Throughput> {
  const millis: number[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const index = next++;
      millis.push(await timed(() => action(index)));
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: workers }, work));
  return throughputOf(millis, (performance.now() - begin) / 1000);
}
