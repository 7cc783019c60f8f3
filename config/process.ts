/**
 * Resolves when the process is asked to stop: by a signal, or by the end of the process that started it. A second signal
 * is no order to quit at once: a terminal's Ctrl-C reaches a whole process group, and npm repeats it.
 */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
    if (process.send) process.once('disconnect', resolve);
  });
}
