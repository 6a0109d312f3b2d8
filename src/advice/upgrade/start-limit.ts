// Whether systemd may kill the start in the middle of a migration: its timeout runs until Synapse reports readiness.
import type { Profile } from '../../deployment/facts.ts';
import { compare, type Version } from '../../deployment/version.ts';
import type { Migration } from '../../knowledge/schema/migrations.ts';
import type { Knowledge } from '../../knowledge/schema/synapse.ts';
import { migrating } from './migrating.ts';

export type StartLimit = {
	/** `sure`: upstream's package, whose unit waits for that report; `perhaps`: only if such a unit is used. */
	unit: 'sure' | 'perhaps';
	/** The systemd unit. */
	service: string;
	/** Commands that follow the log. */
	log: string[];
	/** The migrations that touch large tables, in release order. */
	migrations: Migration[];
};

/** From this release on upstream's package tells systemd when it is ready (debian/matrix-synapse.service). */
const notifiesSince = '1.20.0';
/** From this release on Synapse itself can do so, and upstream's sample units use it (contrib/systemd). */
const canNotifySince = '1.10.0';

/** Installations on the host itself, where systemd runs Synapse or may do so. */
const onHost: readonly unknown[] = ['debian', 'distro', 'pip', 'source'];

/** Undefined if nothing in the range scans a large table, or systemd does not wait. */
export function startLimit(
	{ from, to, profile }: { from: Version; to: Version; profile: Profile },
	{ migrations, installs }: Pick<Knowledge, 'migrations' | 'installs'>,
): StartLimit | undefined {
	const install = profile.get('install')?.value;
	if (!onHost.includes(install) || compare(to, canNotifySince) < 0) return undefined;
	const ahead = migrating({ from, to, profile }, { migrations, queued: [] }).migrations;
	if (!ahead.some(({ work }) => work === 'reads')) return undefined;
	const sure = install === 'debian' && compare(to, notifiesSince) >= 0;
	const { service = 'matrix-synapse', log = [`journalctl -fu ${service}`] } = installs[String(install)] ?? {};
	return { unit: sure ? 'sure' : 'perhaps', service, log, migrations: ahead };
}
