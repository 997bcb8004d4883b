/** As short as a Lease, which counts in seconds, allows with room for a slow machine. */
export const leaderTimings = { leaseDurationMs: 4_000, renewDeadlineMs: 3_000, retryPeriodMs: 400 };
