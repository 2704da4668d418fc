// The far end of bin/restunnel.js when that had to start a newer Node: signals sent to the launcher arrive here as messages.

export type StopSignal = 'SIGTERM' | 'SIGINT' | 'SIGHUP';

let onSignal: ((signal: StopSignal) => void) | null = null;

/** Until handleLauncherSignals(), a forwarded signal does to this process what it does to any other. */
export function listenToLauncher(): void {
  if (process.channel === undefined || process.channel === null) return;
  process.on('message', (message) => {
    const signal = (message as { restunnelSignal?: StopSignal } | null)?.restunnelSignal;
    if (signal !== undefined) deliver(signal);
  });
  // The launcher was killed: nobody is left who could stop this process.
  process.on('disconnect', () => deliver('SIGTERM'));
  process.channel.unref();
}

export function handleLauncherSignals(handler: (signal: StopSignal) => void): void {
  onSignal = handler;
}

function deliver(signal: StopSignal): void {
  if (onSignal === null) process.kill(process.pid, signal);
  else onSignal(signal);
}
