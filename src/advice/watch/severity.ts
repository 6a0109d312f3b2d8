// How serious an alert is, and the rules that raise alerts.
export type Severity = 'info' | 'warning' | 'severe';

export type Rule =
	| 'release'
	| 'withdrawn'
	| 'advisory'
	| 'fault'
	| 'unclear'
	| 'deadline'
	| 'lifecycle'
	| 'floor'
	| 'unseen'
	| 'mixture'
	| 'distribution';

export const severities: readonly Severity[] = ['info', 'warning', 'severe'];
