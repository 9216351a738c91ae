/** How rate and memory change while one run goes on. */

/** How many narinfos were done when. */
interface Done {
  readonly narinfos: number;
  readonly millis: number;
}

export interface Sample extends Done {
  readonly peakRssMiB: number;
}

/** How things stood when this many narinfos were done. */
export interface Mark {
  readonly narinfos: number;
  /** Narinfos per second since the mark before: the tool's, and the raw limit's, which commits only at its end. */
  readonly rate: number;
  readonly rawRate: number;
  readonly peakRssMiB: number;
}

const markEvery = 100_000;

/** When this many were done: between two samples in proportion. */
const millisAt = (samples: ReadonlyArray<Done>, narinfos: number): number => {
  const index = samples.findIndex((sample) => sample.narinfos >= narinfos);
  const to = samples[index]!;
  const from = samples[index - 1] ?? { narinfos: 0, millis: 0 };
  return to.narinfos === from.narinfos
    ? to.millis
    : from.millis + (to.millis - from.millis) * (narinfos - from.narinfos) / (to.narinfos - from.narinfos);
};

/** One mark per 100,000 narinfos. The first sample of a run says when it began. */
export const marks = (samples: ReadonlyArray<Sample>, raw: ReadonlyArray<Done>): ReadonlyArray<Mark> => {
  const rate = (of: ReadonlyArray<Done>, narinfos: number) =>
    markEvery * 1000 / (millisAt(of, narinfos) - millisAt(of, narinfos - markEvery));
  return Array.from({ length: Math.floor((samples.at(-1)?.narinfos ?? 0) / markEvery) }, (_, index) => {
    const narinfos = (index + 1) * markEvery;
    const { peakRssMiB } = samples.find((sample) => sample.narinfos >= narinfos)!;
    return { narinfos, rate: rate(samples, narinfos), rawRate: rate(raw, narinfos), peakRssMiB };
  });
};
