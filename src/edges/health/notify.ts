// Reports the state of the service to systemd (sd_notify): ready, stopping, and alive while the event loop runs.
// systemd's socket expects datagrams, which Node.js cannot send over a Unix socket, so systemd-notify sends them.
import { execFile } from 'node:child_process';
import type { Log } from '../../runtime/log.ts';

export type Notifier = {
	/** The service is up. Starts the watchdog. */
	ready: (status: string) => void;
	stopping: () => void;
	close: () => void;
};

type NotifyEnvironment = Readonly<Record<string, string | undefined>>;

/** `pid`: our own, since the watchdog may be meant for another process. Call only if NOTIFY_SOCKET is set. */
export function openNotifier(environment: NotifyEnvironment, pid: number, log: Log): Notifier {
	let timer: NodeJS.Timeout | undefined;
	let told = false;
	let underway = false;

	function notify(...states: string[]): void {
		underway = true;
		execFile('systemd-notify', states, { timeout: 10_000 }, error => {
			underway = false;
			if (!error || told) return;
			told = true;
			log.error({ why: error.message }, 'systemd-notify failed: cannot tell systemd that the service is up');
		});
	}

	const every = watchdogPause(environment, pid);
	return {
		ready(status) {
			notify('READY=1', `STATUS=${status}`);
			if (every === undefined || timer) return;
			timer = setInterval(() => {
				// Do not start another while one hangs.
				if (!underway) notify('WATCHDOG=1');
			}, every);
			timer.unref();
		},
		stopping: () => notify('STOPPING=1'),
		close: () => clearInterval(timer),
	};
}

/** A third of the watchdog's timeout (ms); undefined without a watchdog. */
function watchdogPause(environment: NotifyEnvironment, pid: number): number | undefined {
	const { WATCHDOG_USEC: time, WATCHDOG_PID: meant } = environment;
	if (meant !== undefined && Number(meant) !== pid) return undefined;
	const ms = Number(time) / 1000;
	return ms > 0 ? Math.max(50, Math.floor(ms / 3)) : undefined;
}
